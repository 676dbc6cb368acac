"""A client that stops reading: its window closes, and the server's buffers fill."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.crowd.handle import CrowdHandle
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import connected_evidence, poll_until
from chaos.journal import Bite, Evidence, Healing, HealingState, Receipt

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

    messages: int = 100
    """Exchanges begun on an endpoint that answers, of which no answer is read. With the victims' small buffer a
    hundred short answers close the window; the protocol's own messages are used, so no server sees a foreign one."""

    name: ClassVar[str] = "stalled-reader"
    family: ClassVar[str] = "client"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TCP_TRUE})
    receive_buffer: ClassVar[int | None] = 4096
    """SO_RCVBUF of the victims, bytes (the kernel doubles it): the smaller, the sooner the window closes."""
    cannot: ClassVar[str] = "a window that closes because the machine swaps; the reader here stops at once"

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        victims = scene.the_victims()
        before = await _unread(victims)
        since = time.monotonic()
        try:
            await victims.stall()
            if victims.plan.send is not None:
                for number in range(self.messages):
                    await victims.send(victims.plan.send.replace("{n}", str(number)))
            # Answers are unread for moments also where somebody reads: what counts is that they stay.
            earlier, unread = await poll_until(
                lambda: _twice(victims),
                lambda looks: len(_stuck(*looks)) == victims.size,
                within=scene.patience,
            )
            covered = len(_stuck(earlier, unread))
            yield Receipt(
                at=time.monotonic(),
                fault=self.name,
                bite=Bite.BIT if covered == victims.size else Bite.DID_NOT_BITE,
                covered=covered,
                total=victims.size,
                since=since,
                evidence=(
                    Evidence(
                        what="bytes that arrived and are not read",
                        side="client",
                        before=str(sum(before.values())),
                        during=str(sum(unread.values())),
                    ),
                ),
            )
        finally:
            healed_at, connected = time.monotonic(), await victims.open_count()
            await victims.reset()
        left = await victims.open_count()
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=HealingState.FAILED if left else HealingState.HEALED,
            since=healed_at,
            evidence=(connected_evidence(connected, left),),
        )


async def _twice(victims: CrowdHandle) -> tuple[dict[int, int], dict[int, int]]:
    """What is unread now, and `_STAYS` later."""
    first = await _unread(victims)
    await asyncio.sleep(_STAYS)
    return first, await _unread(victims)


def _stuck(earlier: dict[int, int], later: dict[int, int]) -> list[int]:
    """The clients whose bytes were unread and are all still there: nobody reads, and no more fits or comes."""
    return [client for client, waiting in later.items() if waiting and waiting == earlier.get(client)]


async def _unread(victims: CrowdHandle) -> dict[int, int]:
    """Client to bytes in its kernel's receive queue."""
    return {client: state.receive_queue for client, state in (await victims.socket_states()).items()}
