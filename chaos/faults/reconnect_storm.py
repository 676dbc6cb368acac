"""A reconnect storm: everybody is cut off at once, and everybody comes back at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.crowd.plan import ClientState
from chaos.faults.base import Fault, Scene
from chaos.faults.connection_burst import peak
from chaos.faults.evidence import peer_sockets, poll_until, wires_of
from chaos.journal import Attempt, Bite, Evidence, Healing, HealingState, Outcome, Receipt
from chaos.units import format_duration

__all__ = ["ReconnectStorm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconnectStorm(Fault):
    """Every victim's kernel resets its connection, and in the next moment all of them connect.

    This is what a change of network or a restarted proxy makes of a crowd. Who is turned away tries again after
    `pause`, together with all others who were, until the scene's patience is over. Who got in stays in.
    """

    pause: float = 0.1
    """Seconds: short, as of clients without a back-off, and long enough for a server to breathe between."""

    name: ClassVar[str] = "reconnect-storm"
    family: ClassVar[str] = "crowd"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TCP_TRUE, Capability.SOCKET_PROBE})
    announced: ClassVar[bool] = True
    waits: ClassVar[int] = 10
    """The name's look-up and the three phases of an attempt, twice: the last may begin just before the patience is
    over; that itself, and the end of the old connections."""
    cannot: ClassVar[str] = "many source addresses"

    def __post_init__(self) -> None:
        if not self.pause > 0:
            raise ValueError(f"pause is seconds until who was turned away tries again, above 0; found {self.pause!r}")

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        victims, agent, port = scene.the_victims(), scene.the_agent(), scene.server.port
        wires = await wires_of(victims, agent, port)
        inodes = {wire.client: wire.inode for wire in wires}
        since = time.monotonic()
        await victims.reset()
        attempts = first = await victims.connect()
        tries = 1
        while (outside := _outside(attempts)) and time.monotonic() < since + scene.patience:
            await asyncio.sleep(self.pause)
            attempts = await victims.subset(outside).connect()
            tries += 1

        async def old_ones() -> int:
            held = await peer_sockets(agent, port, wires)
            return sum(found.state == "ESTABLISHED" and found.inode == inodes[client] for client, found in held.items())

        left = await poll_until(old_ones, lambda found: found == 0, within=scene.patience)
        together, covered = peak(first), max(0, len(wires) - left)
        begun = max(attempt.began for attempt in first) - since
        yield Receipt(
            at=time.monotonic(),
            fault=self.name,
            # Half of them, as for a burst: a quick server has served the first before the last has begun.
            bite=Bite.BIT if covered == victims.size and 2 * together >= victims.size else Bite.DID_NOT_BITE,
            covered=covered,
            total=victims.size,
            since=since,
            evidence=(
                Evidence(
                    what="old connections of the victims",
                    side="server kernel",
                    before=f"{len(wires)} ESTABLISHED",
                    during=f"{left} ESTABLISHED",
                ),
                Evidence(
                    what="attempts under way at once",
                    side="client",
                    before="0",
                    during=f"{together} of {len(first)}, begun within {format_duration(begun)} of the cut",
                ),
                Evidence(
                    what="clients turned away",
                    side="client",
                    before="0",
                    during=f"{len(_outside(first))} at first, {len(outside)} after "
                    + ("1 try" if tries == 1 else f"{tries} tries"),
                ),
            ),
        )
        healed_at = time.monotonic()
        under_way = sum(state is ClientState.CONNECTING for state in (await victims.states()).values())
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=HealingState.FAILED if under_way else HealingState.HEALED,
            since=healed_at,
            evidence=(Evidence(what="attempts under way", side="client", before=str(together), during=str(under_way)),),
        )


def _outside(attempts: Iterable[Attempt]) -> list[int]:
    """The clients that did not get in."""
    return [attempt.client for attempt in attempts if attempt.outcome is not Outcome.OPEN]
