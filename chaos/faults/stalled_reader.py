"""A client that stops reading: its window closes, and the server's buffers fill."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import Wire, peer_sockets, poll_until, wires_of
from chaos.faults.victims import covering, taken_out
from chaos.journal import Evidence, Healing, Receipt

__all__ = ["StalledReader"]

_STAYS = 0.05
"""Seconds for which bytes have to stay unread: those of a client that reads were gone within 5 ms, also where it
shared one loop with its server and a hundred answers were on their way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StalledReader(Fault):
    """Every victim stops reading; where the endpoint answers, it is sent messages whose answers pile up unread.

    The victim's kernel goes on acknowledging until its buffer is full, then announces a window of zero: the server
    can neither send a ping nor finish a close handshake. Of the three shapes a dead peer comes in, this finds most.
    """

    messages: int = 200
    """Exchanges begun on an endpoint that answers, of which no answer is read: twice what closes the window of the
    victims' small buffer with answers of 10 bytes (95 of them). The protocol's own messages are used, so no server
    sees a foreign one."""

    name: ClassVar[str] = "stalled-reader"
    family: ClassVar[str] = "client"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TCP_TRUE})
    receive_buffer: ClassVar[int | None] = 1024
    """SO_RCVBUF of the victims, bytes. The kernel makes its least of it, 2,304, in which 949 bytes of short messages
    fit (measured; 4,837 with 4,096): the smaller, the sooner the window closes."""
    cannot: ClassVar[str] = "a window that closes because the machine swaps; the reader here stops at once"

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        victims = scene.the_victims()
        wires = await wires_of(victims, scene.agent, scene.server.port) if scene.agent is not None else []
        before = await _look(scene, wires)
        since = time.monotonic()
        try:
            await victims.stall()
            if victims.plan.send is not None:
                for number in range(self.messages):
                    await victims.send(victims.plan.send.replace("{n}", str(number)))
            # An endpoint that talks by itself takes its time to fill the buffer; one that answers has filled it.
            closed = victims.plan.send is not None and scene.agent is not None
            # Bytes are unread for moments also where somebody reads: what counts is that they stay.
            looks = await poll_until(
                lambda: _look_twice(scene, wires),
                lambda looks: len(_stuck(*looks, closed=closed)) == victims.size,
                within=scene.patience,
            )
            covered = len(_stuck(*looks, closed=closed))
            yield covering(
                self.name,
                since=since,
                covered=covered,
                total=victims.size,
                evidence=_evidence(scene, before, looks[-1]),
            )
        finally:
            healed_at, connected = time.monotonic(), await victims.open_count()
            await victims.reset()
        left = await victims.open_count()
        yield taken_out(self.name, since=healed_at, connected=connected, left=left)


@dataclass(frozen=True, slots=True)
class _Look:
    """What both kernels hold for each victim, in bytes."""

    unread: dict[int, int]
    """What has arrived and the client has not read."""
    unsent: dict[int, int]
    """What the server has written and the client's kernel has not taken; empty without an agent."""


async def _look(scene: Scene, wires: Sequence[Wire]) -> _Look:
    states = await scene.the_victims().socket_states()
    held = {} if scene.agent is None else await peer_sockets(scene.agent, scene.server.port, wires)
    return _Look(
        unread={client: state.receive_queue for client, state in states.items()},
        unsent={client: found.wqueue for client, found in held.items()},
    )


async def _look_twice(scene: Scene, wires: Sequence[Wire]) -> tuple[_Look, _Look]:
    """A look now, and one `_STAYS` later."""
    first = await _look(scene, wires)
    await asyncio.sleep(_STAYS)
    return first, await _look(scene, wires)


def _stuck(first: _Look, second: _Look, *, closed: bool) -> list[int]:
    """The clients that read nothing between two looks; with `closed`, only those to whom nothing more can be sent."""
    return [
        client
        for client, unread in second.unread.items()
        if 0 < first.unread.get(client, 0) <= unread and (not closed or _closed(first, second, client))
    ]


def _closed(first: _Look, second: _Look, client: int) -> bool:
    """Whether the client's window is closed: the server has something for it, and nothing more arrives."""
    waiting = first.unsent.get(client, 0) and second.unsent.get(client, 0)
    return bool(waiting) and first.unread[client] == second.unread[client]


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
