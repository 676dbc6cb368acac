"""One member of the crowd floods: valid messages, as fast as the server takes them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.crowd.flood import Flooded
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import Wire, peer_sockets, poll_until, wires_of
from chaos.faults.victims import covering
from chaos.journal import Evidence, Healing, HealingState, Receipt
from chaos.units import format_duration

__all__ = ["FloodingMember"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodingMember(Fault):
    """Every victim sends its endpoint's own message without a pause, and reads the answers; meant for one victim.

    It floods until it heals, at most `messages` of them and `seconds` long, or until the server ends it. What is on its
    way then is the server's to read: 100 to 115 kB waited in its kernel (measured), 64 KiB may wait in ours.
    """

    messages: int = 200_000
    """More than is taken in the time: the reference server read 45,000 a second before it closed (measured)."""
    seconds: float = 1.5
    seen: int = 1000
    """Messages of a victim that the server's kernel has to have acknowledged for it to be a flood."""
    digits: int = 1
    """Of the number in each message, where its endpoint's has one: large messages without a foreign one. Python reads
    JSON numbers of up to 4,300."""

    name: ClassVar[str] = "flooding-member"
    family: ClassVar[str] = "crowd"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TCP_TRUE, Capability.SOCKET_PROBE})
    fills_its_worker: ClassVar[bool] = True
    cannot: ClassVar[str] = "a flood from many addresses, or of more bytes than one connection carries"

    def __post_init__(self) -> None:
        if self.messages < self.seen or self.seen < 1:
            raise ValueError(f"a flood is of `seen` messages or more; found {self.messages} of which {self.seen} count")
        if isinstance(self.digits, bool) or not isinstance(self.digits, int) or self.digits < 1:
            raise ValueError(f"digits is how long a number is written, from 1 on; found {self.digits!r}")
        if not self.seconds > 0:
            raise ValueError(f"seconds is how long it floods, above 0; found {self.seconds!r}")

    def within(self, patience: float) -> float:
        """As for every fault, and as long as the flood takes."""
        return Fault.within(self, patience) + self.seconds

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        victims = scene.the_victims()
        wires = await wires_of(victims, scene.the_agent(), scene.server.port)
        since = time.monotonic()
        try:
            await victims.flood(messages=self.messages, seconds=self.seconds, digits=self.digits)
            seen = await poll_until(
                lambda: _look(scene, wires),
                lambda found: len(self._flooding(found)) == victims.size,
                within=min(scene.patience, self.seconds),
            )
            yield covering(
                self.name,
                since=since,
                covered=len(self._flooding(seen)),
                total=victims.size,
                evidence=seen.evidence(since),
            )
        finally:
            healed_at = time.monotonic()
            await victims.end_flood()
        # Nobody writes any more, and the server has read what was on its way: until then it is still flooded. One that
        # takes its time over each message may take very long for all of them: their sender leaves.
        last = await poll_until(lambda: _look(scene, wires), lambda found: not found.on_its_way, within=scene.patience)
        if last.on_its_way:
            await victims.reset()
            last = await _look(scene, wires)
        flooding = sum(flood.pouring for flood in last.floods.values())
        unread = sum(last.unread.values())
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=HealingState.FAILED if flooding or unread else HealingState.HEALED,
            since=healed_at,
            evidence=(
                Evidence(what="members that flood", side="client", before=str(len(last.floods)), during=str(flooding)),
                Evidence(
                    what="bytes of them that the server has not read",
                    side="server kernel",
                    before=str(sum(seen.unread.values())),
                    during=str(unread),
                ),
            ),
        )

    def _flooding(self, found: _Look) -> set[int]:
        """The clients of whom the server's kernel has taken enough, or of whom the server has had enough before."""
        return found.ended | {client for client, flood in found.floods.items() if flood.acknowledged >= self.seen}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What has become of the flood by now, by client."""

    at: float
    floods: dict[int, Flooded]
    unread: dict[int, int]
    """Bytes in the server's receive queue: acknowledged, and not read by the server."""
    ended: set[int]
    """Whom the server has closed for it."""

    @property
    def on_its_way(self) -> bool:
        """Whether the server has any of it still to read."""
        unsent = (flood.written - flood.acknowledged for client, flood in self.floods.items() if client in self.unread)
        return any(self.unread.values()) or any(unsent)

    def evidence(self, since: float) -> Iterator[Evidence]:
        acknowledged = sum(flood.acknowledged for flood in self.floods.values())
        yield Evidence(
            what="messages that the server's kernel has acknowledged",
            side="client kernel",
            before="0",
            during=f"{acknowledged} in {format_duration(self.at - since)}",
        )
        read = sum(
            flood.acknowledged - self.unread.get(client, 0) // flood.size for client, flood in self.floods.items()
        )
        yield Evidence(
            what="messages of these that the server has read, and bytes that wait for it",
            side="server kernel",
            before="0, 0",
            during=f"{max(0, read)}, {sum(self.unread.values())}",
        )
        yield Evidence(what="members that it ended for it", side="client", before="0", during=str(len(self.ended)))


async def _look(scene: Scene, wires: list[Wire]) -> _Look:
    victims = scene.the_victims()
    held = await peer_sockets(scene.the_agent(), scene.server.port, wires)
    inodes = {wire.client: wire.inode for wire in wires}
    floods = await victims.flooded()
    ended = {each.client for each in await victims.wait_ended(within=0.0) if each.by == "server"}
    return _Look(
        at=time.monotonic(),
        floods=floods,
        unread={
            client: found.rqueue
            for client, found in held.items()
            if found.inode == inodes[client] and client not in ended
        },
        ended=ended & set(floods),
    )
