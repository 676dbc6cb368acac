"""Defects that make others wait, or cut them for talking."""

from __future__ import annotations

import asyncio
import time
from unittest import mock

from reference_server.endpoints.echo import Echo
from reference_server.rate import TokenBucket

from ..fakes import turns_until
from .bench import Bench, Check, a_dead_peer


async def newcomer_does_not_block_the_loop(bench: Bench) -> bool:
    with mock.patch.object(time, "sleep") as sleep:
        await bench.newcomer().register()
        await asyncio.sleep(0)
    return not sleep.called


async def cleaning_up_does_not_block_the_loop(bench: Bench) -> bool:
    a_dead_peer(bench)
    with mock.patch.object(time, "sleep") as sleep:
        bench.parts.sweep.run()
    return not sleep.called


async def reply_is_sent_at_once(bench: Bench) -> bool:
    connection, _ = bench.client("echo")
    for _ in range(20):
        reply = asyncio.create_task(Echo().received(connection, "hello"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if not reply.done():
            return not reply.cancel()
        await connection.outbox.get()
    return True


async def nobody_stands_behind_another(bench: Bench) -> bool:
    """With a client that has sent a hundred messages and reads none, the next client's is answered at once."""
    flooding, _ = bench.client("echo")
    polite, _ = bench.client("echo")
    handled = [asyncio.create_task(Echo().received(flooding, "again")) for _ in range(100)]
    await asyncio.sleep(0)
    handled.append(asyncio.create_task(Echo().received(polite, "hello")))
    answered = asyncio.create_task(polite.outbox.get())
    await turns_until(answered.done, fail=False)
    flooding.wire.lost.set_result(None)
    told = answered.done() and answered.result() == "hello"
    for task in (*handled, answered):
        task.cancel()
    return told


async def hundred_messages_at_once_are_no_flood(bench: Bench) -> bool:
    settings = bench.parts.settings
    budget = TokenBucket(
        rate=settings.websocket_message_rate,
        burst=settings.websocket_message_burst,
        monotonic=bench.parts.clock.now,
    )
    return budget.take(100)


CHECKS: dict[str, Check] = {
    "block_loop_on_cleanup": cleaning_up_does_not_block_the_loop,
    "block_loop_on_connect": newcomer_does_not_block_the_loop,
    "one_queue_for_all": nobody_stands_behind_another,
    "rate_without_a_burst": hundred_messages_at_once_are_no_flood,
    "replies_wait_for_the_log": reply_is_sent_at_once,
}
