"""Churn: clients come, exchange a message and go, in every way there is to go, while the next ones come."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from chaos.capability import Capability
from chaos.crowd.handle import CrowdHandle
from chaos.crowd.plan import ClientState, Mode
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import Wire, states_once_ended, wires_of
from chaos.faults.unfinished import read_by_server
from chaos.faults.victims import taken_out_by_reset
from chaos.journal import Bite, Evidence, Healing, Outcome, Receipt
from chaos.units import format_duration

__all__ = ["ENDS", "Churn"]

ENDS = ("close", "reset", "fin", "half-close", "crash mid-frame", "crash mid-message")
"""The ways to go of which the server's kernel is told; the victims take them in turn."""


_ENOUGH = 18
"""Times the scene's patience after which nobody comes any more: a server that is as slow as that sees no churn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Churn(Fault):
    """Half of the victims come while the other half goes, again and again (`times`: each comes half as often).

    A victim that comes makes one exchange. It goes in another way each time, and no two neighbours in the same one. At
    no time more than all of them are there; at the end none of them is.
    """

    times: int = 8
    gap: float = 0.005
    """Seconds between two that come: 200 a second."""

    name: ClassVar[str] = "churn"
    family: ClassVar[str] = "crowd"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TCP_TRUE, Capability.SOCKET_PROBE})
    announced: ClassVar[bool] = True
    waits: ClassVar[int] = 26
    """So often in all. A turn takes four at most, for those who come and are not answered; none begins after `_ENOUGH`,
    and the last who go take three."""
    cannot: ClassVar[str] = "clients that go without a word (see Vanished), or that come from many addresses"

    def __post_init__(self) -> None:
        if isinstance(self.times, bool) or not isinstance(self.times, int) or self.times < 2:
            raise ValueError(f"times is a whole number from 2 on, for both halves to come; found {self.times!r}")
        if not self.gap >= 0:
            raise ValueError(f"gap is seconds between two that come, zero or more; found {self.gap!r}")

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        victims, seen, began = scene.the_victims(), _Seen(), time.monotonic()
        halves = [victims.subset(victims.indices[number::2]) for number in range(2)]
        try:
            for number in range(self.times):
                if time.monotonic() > began + _ENOUGH * scene.patience:
                    break
                await asyncio.gather(
                    self._come(halves[number % 2], seen),
                    _go(scene, halves[(number + 1) % 2], seen, turn=number),
                )
            since = await _go(scene, victims, seen, turn=self.times)
            wanted = sum(halves[number % 2].size for number in range(self.times))
            yield Receipt(
                at=time.monotonic(),
                fault=self.name,
                # Who was turned away is the server's to answer for, as long as there was any coming and going.
                bite=Bite.BIT if seen.heard == seen.came and 2 * seen.came >= wanted else Bite.DID_NOT_BITE,
                covered=seen.heard,
                total=seen.came,
                since=since,
                evidence=tuple(seen.evidence(wanted, took=time.monotonic() - began)),
            )
        finally:
            healing = await taken_out_by_reset(self.name, victims)
        yield healing

    async def _come(self, half: CrowdHandle, seen: _Seen) -> None:
        attempts = await half.connect(Mode.PACED, gap=self.gap)
        seen.came += sum(attempt.outcome is Outcome.OPEN for attempt in attempts)


@dataclass(slots=True)
class _Seen:
    """What has been seen of it so far."""

    came: int = 0
    held: int = 0
    """Connections of which the server's kernel has not heard that they ended."""
    ways: Counter[str] = field(default_factory=Counter)

    @property
    def heard(self) -> int:
        """Connections of whose end the server's kernel has heard, or that the server has ended itself."""
        return self.came - self.held

    def evidence(self, wanted: int, *, took: float) -> Iterator[Evidence]:
        yield Evidence(
            what="clients that came, and were answered",
            side="client",
            before="0",
            during=f"{self.came} of {wanted} in {format_duration(took)}",
        )
        yield Evidence(
            what="connections of whose end the server's kernel has heard",
            side="server kernel",
            before="0",
            during=f"{self.heard} of {self.came}",
        )
        yield Evidence(
            what="how they went",
            side="client",
            before="",
            during=", ".join(f"{self.ways[way]} {way}" for way in ENDS if self.ways[way]),
        )


async def _go(scene: Scene, half: CrowdHandle, seen: _Seen, *, turn: int) -> float:
    """Have everyone go who is there, and see that the server's kernel has heard of it; when they went."""
    agent, port = scene.the_agent(), scene.server.port
    there = [client for client, state in (await half.states()).items() if state is ClientState.OPEN]
    if not there:
        return time.monotonic()
    wires = await wires_of(half.subset(there), agent, port)
    by_way = {way: [client for client in there if ENDS[(client // 2 + turn) % len(ENDS)] == way] for way in ENDS}
    await _begin(scene, half, wires, frame=by_way["crash mid-frame"], message=by_way["crash mid-message"])
    went = time.monotonic()
    await asyncio.gather(*(_leave(half.subset(clients), way) for way, clients in by_way.items() if clients))
    seen.ways.update({way: len(clients) for way, clients in by_way.items()})
    states = await states_once_ended(agent, port, wires, within=scene.patience)
    seen.held += len(there) - sum(state != "ESTABLISHED" for state in states.values())
    # Half-closed ones are there until the server has closed its half, or nobody waits for it any longer.
    await half.wait_ended(within=scene.patience)
    await half.reset()
    return went


async def _begin(
    scene: Scene, half: CrowdHandle, wires: list[Wire], *, frame: Sequence[int], message: Sequence[int]
) -> None:
    """Have those begin who are to crash in the middle of something, and wait for the server to have read that: what
    lies unread when an RST comes is thrown away by the kernel."""
    both = half.subset([*frame, *message])
    if both.size:
        await half.subset(frame).begin_frame()
        await half.subset(message).begin_message()
        await read_by_server(replace(scene, victims=both), [wire for wire in wires if wire.client in both.indices])


async def _leave(clients: CrowdHandle, way: str) -> None:
    match way:
        case "close":
            await clients.close()
        case "reset" | "crash mid-frame":
            await clients.reset()
        case "fin" | "crash mid-message":
            await clients.fin()
        case "half-close":
            await clients.half_close()
        case _:
            raise AssertionError(f"no way to go: {way}")
