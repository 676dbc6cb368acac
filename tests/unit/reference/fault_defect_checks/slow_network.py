"""Defects that show on a bad network: slow, narrow, or in pieces."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

from reference_server.liveness import NOTHING_SEEN
from websockets.frames import Frame, Opcode

from ..defect_checks.bench import Bench, Check, all_done_at_once
from ..wired import configured, end, established, upgraded
from .turns import AGAIN


async def rest_of_a_frame_is_read_at_once(bench: Bench) -> bool:
    protocol, transport = await established(configured(bench.parts))
    for byte in Frame(Opcode.TEXT, b"torn to pieces").serialize(mask=True)[:-1]:
        protocol.data_received(bytes([byte]))
    reading = transport.reading
    await end(protocol)
    return reading


async def many_are_let_in_before_the_first_speaks(bench: Bench) -> bool:
    config = configured(bench.parts)
    opening = [asyncio.create_task(upgraded(config)) for _ in range(20)]
    let_in = await all_done_at_once(opening)
    for task in opening:
        with contextlib.suppress(asyncio.CancelledError):
            await end((await task)[0])
    return let_in


async def ping_may_take_its_time(bench: Bench) -> bool:
    connection, wire = bench.client()
    wire.seen = replace(NOTHING_SEEN, delivered=0, outstanding=8)
    bench.parts.heartbeat.ping(connection)
    await asyncio.sleep(AGAIN)
    return not connection.ended


async def newcomer_is_turned_away_beside_a_slow_client(bench: Bench) -> bool:
    while bench.parts.admission.try_enter() is None:
        pass
    bench.client()
    turning_away = asyncio.create_task(upgraded(configured(bench.parts)))
    turned_away = await all_done_at_once([turning_away])
    with contextlib.suppress(asyncio.CancelledError):
        await end((await turning_away)[0])
    return turned_away


CHECKS: dict[str, Check] = {
    "newcomers_wait_for_each_others_first_word": many_are_let_in_before_the_first_speaks,
    "pings_are_for_a_short_line": ping_may_take_its_time,
    "refusals_ask_those_inside": newcomer_is_turned_away_beside_a_slow_client,
    "slows_down_torn_frames": rest_of_a_frame_is_read_at_once,
}
