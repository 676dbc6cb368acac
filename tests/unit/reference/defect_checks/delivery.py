"""Defects of broadcasts, polls and slow listeners."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from reference_server.liveness import NOTHING_SEEN

from .bench import Bench, Check


async def broadcast_waits_for_nobody(bench: Bench) -> bool:
    bench.client(endpoint="feed")
    for _ in range(3):
        bench.parts.feed.broadcast()
        await asyncio.sleep(0)
    return bench.parts.feed.sequence == 3


async def listener_who_is_behind_stays(bench: Bench) -> bool:
    _, wire = bench.client(endpoint="feed")
    wire.seen = replace(NOTHING_SEEN, outstanding=10_000)
    bench.parts.feed.broadcast()
    return not wire.was_cut


async def listener_who_takes_nothing_is_cut(bench: Bench) -> bool:
    connection, wire = bench.client(endpoint="feed")
    for _ in range(connection.outbox.max_messages + 1):
        bench.parts.feed.broadcast()
    return wire.was_cut


async def every_number_is_sent(bench: Bench) -> bool:
    connection, _ = bench.client(endpoint="feed")
    for number in range(1, 9):
        bench.parts.feed.broadcast()
        if not len(connection.outbox):
            return False
        assert f'"sequence": {number}' in str(await connection.outbox.get())
    return True


async def poll_tells_the_last_broadcast(bench: Bench) -> bool:
    feed = bench.parts.feed
    for _ in range(3):
        feed.broadcast()
        if f'"sequence": {feed.sequence},' not in feed.present():
            return False
    return True


CHECKS: dict[str, Check] = {
    "broadcast_loses_every_fourth": every_number_is_sent,
    "broadcast_waits_for_slowest": broadcast_waits_for_nobody,
    "cut_listeners_who_are_behind": listener_who_is_behind_stays,
    "keep_slow_consumers": listener_who_takes_nothing_is_cut,
    "polls_answer_from_a_cache": poll_tells_the_last_broadcast,
}
