"""A client that stops reading: its window closes, and the server's buffers fill."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import POLL, Wire, peer_sockets, wires_of
from chaos.faults.victims import covering, taken_out_by_reset
from chaos.journal import Evidence, Healing, Receipt

__all__ = ["StalledReader"]

_AT_A_TIME = 25
"""Messages of each victim between two looks: each look, and each call to the crowd, takes its time on a busy machine,
and a server may cut those who are silent before they are stuck."""

_FIRST = 1_000_000_000
"""The first message's number: the longest that every server takes for one (below 2**31), so that fewer answers fill a
window."""

_STAYS = 0.05
"""Seconds for which bytes have to stay unread: those of a client that reads were gone within 5 ms, also where it
shared one loop with its server and a hundred answers were on their way."""

_STAYS_ON_A_FEED = 0.25
"""Seconds for which nothing more may arrive there: an update that has arrived is still the server's to send again until
it is acknowledged, which Linux puts off by 200 ms at most (TCP_DELACK_MAX); one that still is after this never came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StalledReader(Fault):
    """Every victim stops reading; where the endpoint answers, it is sent messages whose answers pile up unread.

    The victim's kernel goes on acknowledging until its buffer is full, then announces a window of zero: the server
    can neither send a ping nor finish a close handshake. Of the three shapes a dead peer comes in, this finds most.
    How much more the server's own buffers take before its application's sends wait is not to be seen from outside.
    """

    messages: int = 200
    """Exchanges begun at most on an endpoint that answers, of which no answer is read, until every victim is stuck:
    twice what closes the window of the victims' small buffer with answers of 10 bytes (95 of them); with `_FIRST` these
    have 18. The protocol's own messages are used, so no server sees a foreign one."""
    rate: int = 15_000
    """Messages a second at most, of all victims together. All at once they are a flood: 8,000 keep a server in Python
    from everybody else for 0.4 s (measured: 18,000 a second on a loaded core), and that is no stall."""

    name: ClassVar[str] = "stalled-reader"
    family: ClassVar[str] = "client"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TCP_TRUE})
    receive_buffer: ClassVar[int | None] = 1024
    """SO_RCVBUF of the victims, bytes. The kernel makes its least of it, 2,304, in which 949 bytes of short messages
    fit (measured; 4,837 with 4,096): the smaller, the sooner the window closes."""
    waits: ClassVar[int] = 12
    """Updates until the window is closed by a feed that talks by itself, each of which comes within the scene's
    patience: 12 of 100 bytes (measured; 19 of 50, 5 of 200, 2 of 500 and more)."""
    cannot: ClassVar[str] = "a window that closes because the machine swaps; the reader here stops at once"

    def __post_init__(self) -> None:
        if self.messages < 0 or self.rate <= 0:
            raise ValueError(
                f"messages is a number of them, rate one a second above 0; found {self.messages} and {self.rate}"
            )

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        victims = scene.the_victims()
        wires = await wires_of(victims, scene.agent, scene.server.port) if scene.agent is not None else []
        before = await _look(scene, wires)
        since = time.monotonic()
        try:
            await victims.stall()
            # Where the agent looks: an update or two lie unread at anyone who has not looked yet, while the server goes
            # on sending. It is hindered from when nothing more arrives and its own buffers begin to fill.
            stays = _STAYS if victims.plan.send is not None else _STAYS_ON_A_FEED
            watch = _Watch(stays=stays, closed=scene.agent is not None)
            if victims.plan.send is not None:
                await self._exchanges(scene, wires, watch, victims.plan.send)
            during = await _once_stuck(scene, wires, watch, most=self.waits * scene.patience)
            yield covering(
                self.name,
                since=since,
                covered=len(watch.stuck),
                total=victims.size,
                evidence=_evidence(scene, before, during),
            )
        finally:
            healing = await taken_out_by_reset(self.name, victims)
        yield healing

    async def _exchanges(self, scene: Scene, wires: Sequence[Wire], watch: _Watch, message: str) -> None:
        """Begin them at the rate, until every victim is stuck."""
        victims = scene.the_victims()
        for first in range(0, self.messages, _AT_A_TIME):
            began = time.monotonic()
            numbers = range(first, min(first + _AT_A_TIME, self.messages))
            await victims.send(*(message.replace("{n}", str(_FIRST + number)) for number in numbers))
            await asyncio.sleep(began + len(numbers) * victims.size / self.rate - time.monotonic())
            watch.see(await _look(scene, wires), at=time.monotonic())
            if len(watch.stuck) == victims.size:
                return


@dataclass(frozen=True, slots=True)
class _Look:
    """What both kernels hold for each victim, in bytes."""

    unread: dict[int, int]
    """What has arrived and the client has not read."""
    unsent: dict[int, int]
    """What the server has written and the client's kernel has not taken; empty without an agent."""

    @property
    def piled(self) -> int:
        """All of it."""
        return sum(self.unread.values()) + sum(self.unsent.values())


async def _look(scene: Scene, wires: Sequence[Wire]) -> _Look:
    states = await scene.the_victims().socket_states()
    held = {} if scene.agent is None else await peer_sockets(scene.agent, scene.server.port, wires)
    return _Look(
        unread={client: state.receive_queue for client, state in states.items()},
        unsent={client: found.wqueue for client, found in held.items()},
    )


@dataclass(slots=True, kw_only=True)
class _Watch:
    """Looks again and again, and tells who is stuck: whose bytes have stayed unread for `stays` seconds.

    With `closed` only those count to whom nothing more could be sent all that time. Where the server has more for a
    client than lies unread there, some of it cannot have arrived, and a moment will do. Who was stuck once is stuck for
    good: the server may cut it while others are still watched.
    """

    stays: float
    closed: bool
    stuck: set[int] = field(default_factory=set)
    telling: _Look | None = None
    """The look that said so of the last of them."""
    _last: _Look = field(default_factory=lambda: _Look(unread={}, unsent={}))
    _still: dict[int, float] = field(default_factory=dict)
    """Since when what is unread has stayed as it is."""
    _held_up: dict[int, float] = field(default_factory=dict)
    """Since when there are bytes that cannot have arrived."""

    def see(self, look: _Look, *, at: float) -> None:
        """Take in a look."""
        known = len(self.stuck)
        for client, unread in look.unread.items():
            before, unsent = self._last.unread.get(client, 0), look.unsent.get(client, 0)
            moved = before != unread if self.closed else before > unread
            still = unread > 0 and not moved and (unsent > 0 or not self.closed)
            if _lasts(self._still, client, still, at=at) >= self.stays:
                self.stuck.add(client)
            if _lasts(self._held_up, client, unsent > unread > 0, at=at) >= _STAYS:
                self.stuck.add(client)
        self._last = look
        if len(self.stuck) > known:
            self.telling = look


def _lasts(since: dict[int, float], client: int, so: bool, *, at: float) -> float:
    """Seconds for which something is so of a client, noted in `since`; -1 where it is not."""
    if not so:
        since.pop(client, None)
        return -1.0
    return at - since.setdefault(client, at)


async def _once_stuck(scene: Scene, wires: Sequence[Wire], watch: _Watch, *, most: float) -> _Look:
    """The look that said of the last that it is stuck, once every victim is, or nothing more has come for the scene's
    patience, or `most` seconds are over: a feed takes as many updates as it takes, however far they are apart.
    """
    victims = scene.the_victims()
    began = grew = time.monotonic()
    piled = 0
    while True:
        look = await _look(scene, wires)
        now = time.monotonic()
        watch.see(look, at=now)
        if look.piled > piled:
            piled, grew = look.piled, now
        if len(watch.stuck) == victims.size or now >= min(grew + scene.patience, began + most):
            return watch.telling or look
        await asyncio.sleep(POLL)


def _evidence(scene: Scene, before: _Look, during: _Look) -> Iterator[Evidence]:
    yield Evidence(
        what="bytes that arrived and are not read",
        side="client",
        before=str(sum(before.unread.values())),
        during=str(sum(during.unread.values())),
    )
    if scene.agent is not None:
        yield Evidence(
            what="bytes that the server cannot get rid of",
            side="server kernel",
            before=str(sum(before.unsent.values())),
            during=str(sum(during.unsent.values())),
        )
