"""A client that stops reading and goes on asking, until the server's own buffers are full and it takes no more."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from chaos.capability import Capability
from chaos.crowd.exchange import NUMBER
from chaos.crowd.numbered import PAYLOAD
from chaos.errors import FaultError
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import Wire, peer_sockets, poll_until, wires_of
from chaos.faults.stalled_reader import StalledReader
from chaos.faults.victims import covering, taken_out_by_reset
from chaos.journal import Evidence, Healing, Receipt

__all__ = ["FullBuffers"]

_STAYS = 0.4
"""Seconds for which nothing may move any more: a loop on two busy cores has been seen late by as much, and one that
still fills its buffers reads on when it runs."""

_FULL = 8 * 1024
"""Bytes that a kernel's buffer holds at the least when it is full: Linux gives it 16 KiB to begin with (tcp_wmem), half
of which may be its own. A server that has not come to answer yet holds less, however long others keep it from that."""

_PILE = 64 * 1024
"""Bytes that a server reads, and whose answers make its kernel's buffer no fuller: they lie in its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FullBuffers(Fault):
    """Every victim stops reading, and sends its endpoint's longer message until the server can take no more of them.

    By then the server's kernel can send nothing, its library's buffers are full, and whatever in it writes to this
    client waits: a ping, a close frame, an answer. A stalled reader closes the window alone, and a ping still fits into
    what is behind it; many a heartbeat, and many a shutdown, find that one and not this.

    A server that lets answers pile up without an end reads on: its kernel's buffer is full all the same, once what it
    has read makes that no fuller. One that ends a victim whose buffer it had filled has found it; one that ends it
    before, for what it sends, has not been asked.
    """

    messages: int = 2_500
    """Of each victim at most: 10 MB with `size`, where Linux lets a send buffer grow to 4 MB (tcp_wmem) and a receive
    buffer to 6 MB (tcp_rmem)."""
    seconds: float = 10.0
    """That it goes on sending at most."""
    size: int = 4_000
    """Letters of the payload in each message: few and large ones, or a server that counts messages would end it for a
    flood."""

    name: ClassVar[str] = "full-buffers"
    family: ClassVar[str] = "client"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TCP_TRUE, Capability.SOCKET_PROBE})
    receive_buffer: ClassVar[int | None] = StalledReader.receive_buffer
    fills_its_worker: ClassVar[bool] = True
    long_answers: ClassVar[bool] = True
    cannot: ClassVar[str] = "buffers that fill with what the server says by itself (see StalledReader, on a feed)"

    def __post_init__(self) -> None:
        for name in ("messages", "size"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} is a whole number from 1 on; found {value!r}")
        if not self.seconds > 0:
            raise ValueError(f"seconds is how long it goes on sending, above 0; found {self.seconds!r}")

    def within(self, patience: float) -> float:
        """As for every fault, and as long as the sending takes."""
        return Fault.within(self, patience) + self.seconds

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        victims, message = scene.the_victims(), scene.echo.payload_send
        if message is None:
            raise FaultError("the endpoint that echoes has no payload_send, a message whose answer is long")
        text = message.replace(NUMBER, "0").replace(PAYLOAD, "x" * self.size)  # a number that no exchange has
        wires = await wires_of(victims, scene.the_agent(), scene.server.port)
        before, watch, began = await _look(scene, wires), _Watch(), time.monotonic()
        try:
            await victims.stall()
            await victims.flood(messages=self.messages, seconds=self.seconds, text=text)

            async def look() -> _Look:
                now = await _look(scene, wires)
                watch.see(now)
                return now

            during = await poll_until(
                look,
                lambda found: len(watch.still | found.gone) == victims.size,
                within=self.seconds + scene.patience,
            )
            await victims.end_flood()  # or who reads on would be kept busy with it
            receipt = covering(
                self.name,
                since=min(watch.since.values(), default=began),
                covered=len(watch.still | (watch.full & during.gone)),
                total=victims.size,
                evidence=_evidence(before, during),
            )
            yield replace(receipt, acted=max(watch.since.values(), default=None))
        finally:
            await victims.end_flood()
            healing = await taken_out_by_reset(self.name, victims)
        yield healing


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What both kernels hold for each victim that is there, in bytes."""

    at: float
    unsent: dict[int, int]
    """What the server has written and the client's kernel has not taken."""
    unread: dict[int, int]
    """What the client has sent and the server has not read."""
    read: dict[int, int]
    """What of it the server has read."""
    said: frozenset[int]
    """Who has sent all that it may."""
    gone: frozenset[int]
    """Whose connection the server's kernel holds no more: who reads nothing hears of no end either."""


@dataclass(slots=True)
class _Watch:
    """Looks again and again, and tells to whom the server can send nothing more, and has nowhere to put it."""

    still: set[int] = field(default_factory=set)
    """Once so, for good: the server may end it while others are watched."""
    full: set[int] = field(default_factory=set)
    """Whose buffer has been seen full, whatever became of it."""
    since: dict[int, float] = field(default_factory=dict)
    """When it was so of each of them, seconds monotonic."""
    _last: dict[int, _Standstill] = field(default_factory=dict)

    def see(self, look: _Look) -> None:
        """Take in a look."""
        self.full |= {client for client, unsent in look.unsent.items() if unsent >= _FULL}
        for client, unsent in look.unsent.items():
            known, read = self._last.get(client), look.read[client]
            if known is None or known.unsent != unsent or unsent < _FULL:
                self._last[client] = _Standstill(since=look.at, moved=look.at, unsent=unsent, first=read, last=read)
                continue
            if read != known.last:
                known.last, known.moved = read, look.at
            piles = look.at - known.since >= _STAYS and read - known.first >= _PILE
            waits = look.at - known.moved >= _STAYS and (look.unread[client] > 0 or client in look.said)
            if client not in self.still and (piles or waits):
                self.still.add(client)
                self.since[client] = known.since


@dataclass(slots=True, kw_only=True)
class _Standstill:
    """Of one client, to whom the server has sent nothing since a look."""

    since: float
    moved: float
    """When the server last read anything of it."""
    unsent: int
    first: int
    """Bytes that the server had read at first."""
    last: int


async def _look(scene: Scene, wires: Sequence[Wire]) -> _Look:
    victims = scene.the_victims()
    held = await peer_sockets(scene.the_agent(), scene.server.port, wires)
    floods = await victims.flooded()
    taken = {client: flood.acknowledged * flood.size for client, flood in floods.items()}
    return _Look(
        at=time.monotonic(),
        unsent={client: found.wqueue for client, found in held.items()},
        unread={client: found.rqueue for client, found in held.items()},
        read={client: max(0, taken.get(client, 0) - found.rqueue) for client, found in held.items()},
        said=frozenset(client for client, flood in floods.items() if not flood.pouring),
        gone=frozenset(wire.client for wire in wires if wire.client not in held),
    )


def _evidence(before: _Look, during: _Look) -> Iterator[Evidence]:
    for what, one, other in (
        ("bytes that the server cannot get rid of", before.unsent, during.unsent),
        ("bytes of requests that it has read", before.read, during.read),
        ("bytes of requests that it has not", before.unread, during.unread),
    ):
        yield Evidence(what=what, side="server kernel", before=str(sum(one.values())), during=str(sum(other.values())))
    for client, unsent in sorted(during.unsent.items()):
        yield Evidence(
            what="bytes that the server cannot get rid of",
            side="server kernel",
            before=str(before.unsent.get(client, 0)),
            during=str(unsent),
            connection=f"client {client}",
        )
    yield Evidence(what="victims that it has ended", side="server kernel", before="0", during=str(len(during.gone)))
