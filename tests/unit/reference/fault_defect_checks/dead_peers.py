"""Defects that show beside peers who are gone and have not said so: silent, vanished, stalled or out of reach."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from unittest import mock

from reference_server.idle import IdleTimer
from reference_server.liveness import NOTHING_SEEN

from ..defect_checks.bench import LONG, Bench, Check
from ..defect_checks.cleanup import silent_peer_is_dead
from .turns import some_turns

STALLED = replace(NOTHING_SEEN, outstanding=2000)
"""Two thousand bytes that the peer's kernel has no room for."""


async def full_window_does_not_block_the_loop(bench: Bench) -> bool:
    _, wire = bench.client()
    wire.seen = STALLED
    with mock.patch.object(time, "sleep") as sleep:
        bench.parts.heartbeat.beat()
    return not sleep.called


async def nobody_waits_for_another_window(bench: Bench) -> bool:
    _, stalled = bench.client()
    stalled.seen = STALLED
    _, wire = bench.client()
    bench.parts.heartbeat.beat()
    await some_turns()
    return len(wire.pings) == 1


async def idle_clients_are_closed_together(bench: Bench) -> bool:
    clients = [bench.client()[0] for _ in range(2)]
    timers = [IdleTimer(client, clock=bench.parts.clock, timeout=LONG, warning=1.0) for client in clients]
    bench.time.advance(LONG)
    for timer in timers:
        timer._look()  # warned
    bench.time.advance(1.0)
    for timer in timers:
        timer._look()
    await some_turns()
    for timer in timers:
        timer.cancel()
    return all(client.ended for client in clients)


async def acknowledged_ping_is_no_answer(bench: Bench) -> bool:
    connection, wire = bench.client()
    bench.parts.heartbeat.beat()
    wire.seen = replace(NOTHING_SEEN, delivered=wire.written)
    bench.time.advance(LONG)
    return bench.parts.heartbeat.is_dead(connection)


async def dead_peer_is_counted_as_dead(bench: Bench) -> bool:
    bench.client()
    bench.parts.heartbeat.beat()
    bench.time.advance(LONG)
    bench.parts.sweep.run()
    return bench.parts.counters.dead_found == 1


async def newcomers_get_in_beside_the_dead(bench: Bench) -> bool:
    bench.client()
    bench.parts.heartbeat.beat()
    bench.time.advance(LONG)
    bench.parts.sweep.run()
    await asyncio.sleep(0)
    accepted = asyncio.create_task(bench.newcomer().accept())
    await some_turns()
    return accepted.done() or not accepted.cancel()


async def newcomers_get_in_beside_many_out_of_reach(bench: Bench) -> bool:
    for _ in range(20):
        bench.client()[1].seen = STALLED
    for _ in range(2):
        bench.parts.clock.tick()
    return bench.parts.admission.try_enter() is None


async def dead_are_found_beside_a_slow_one(bench: Bench) -> bool:
    _, slow = bench.client()
    dead, _ = bench.client()
    bench.parts.heartbeat.beat()
    bench.time.advance(0.2)
    slow.on_pong(slow.pings[0])
    bench.time.advance(bench.parts.heartbeat.timeout)
    return bench.parts.heartbeat.is_dead(dead)


async def old_answer_is_none_to_the_last_ping(bench: Bench) -> bool:
    connection, wire = bench.client()
    timeout = bench.parts.heartbeat.timeout
    for seconds in (timeout / 2, timeout / 4):
        bench.parts.heartbeat.beat()
        wire.seen = replace(NOTHING_SEEN, delivered=wire.written)
        bench.time.advance(seconds)
    wire.on_pong(wire.pings[0])
    bench.time.advance(timeout)
    return bench.parts.heartbeat.is_dead(connection)


async def peer_that_takes_nothing_more_is_dead(bench: Bench) -> bool:
    connection, wire = bench.client()
    bench.parts.heartbeat.beat()
    wire.seen = replace(NOTHING_SEEN, outstanding=200_000)
    for _ in range(3):
        bench.time.advance(LONG)
        bench.parts.heartbeat.beat()
    return bench.parts.heartbeat.is_dead(connection)


CHECKS: dict[str, Check] = {
    "acknowledged_is_alive": acknowledged_ping_is_no_answer,
    "any_pong_answers_every_ping": old_answer_is_none_to_the_last_ping,
    "block_loop_on_flush": full_window_does_not_block_the_loop,
    "full_buffers_are_an_excuse": peer_that_takes_nothing_more_is_dead,
    "dead_counted_by_their_error": dead_peer_is_counted_as_dead,
    "heartbeat_waits_for_room": nobody_waits_for_another_window,
    "idle_clients_closed_in_turn": idle_clients_are_closed_together,
    "newcomers_queue_behind_the_dead": newcomers_get_in_beside_the_dead,
    "nobody_dies_on_a_slow_network": dead_are_found_beside_a_slow_one,
    "unacknowledged_is_overload": newcomers_get_in_beside_many_out_of_reach,
    "unacknowledged_is_slow": silent_peer_is_dead,
}
