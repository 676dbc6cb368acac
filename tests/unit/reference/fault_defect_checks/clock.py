"""Defects that show when the clock of the machine is set: what is measured by the time of day."""

from __future__ import annotations

import time
from unittest import mock

from reference_server.timers import Timers

from ..defect_checks.bench import LONG, Bench, Check
from ..fakes import TimersByHand, make_connection

DAY = 86400.0
"""Seconds by which a wall clock is set: longer than anything that a connection's life is measured in."""


async def idle_time_is_no_time_of_day(bench: Bench) -> bool:
    connection, _ = bench.client()
    bench.time.advance(1.0)
    with mock.patch.object(time, "time", return_value=time.time() + DAY):
        ahead = connection.idle_for()
    with mock.patch.object(time, "time", return_value=time.time() - DAY):
        back = connection.idle_for()
    return ahead == back == 1.0


async def living_stay_when_the_clock_is_put_forward(bench: Bench) -> bool:
    connection, wire = bench.client()
    bench.parts.heartbeat.beat()
    wire.on_pong(wire.pings[-1])
    with mock.patch.object(time, "time", return_value=time.time() + DAY):
        bench.parts.heartbeat.beat()
    return not connection.ended


async def dead_are_found_when_the_clock_is_set_back(bench: Bench) -> bool:
    connection, _ = bench.client()
    bench.parts.heartbeat.beat()
    with mock.patch.object(time, "time", return_value=time.time() - DAY):
        bench.time.advance(LONG)
        return bench.parts.heartbeat.is_dead(connection)


async def trial_is_due_when_the_clock_is_set_back(bench: Bench) -> bool:
    breaker = bench.parts.upstream_breaker
    for _ in range(breaker.policy.failure_threshold):
        permit = breaker.acquire()
        assert permit is not None
        permit.failure()
    with mock.patch.object(time, "time", return_value=time.time() - DAY):
        bench.time.advance(breaker.policy.recovery_timeout)
        return breaker.acquire() is not None


async def pinged_when_the_clock_is_set_back(bench: Bench) -> bool:
    _, wire = bench.client()
    bench.parts.heartbeat.beat()
    wire.on_pong(wire.pings[-1])
    with mock.patch.object(time, "time", return_value=time.time() - DAY):
        bench.parts.heartbeat.beat()
    return len(wire.pings) == 2


async def idle_clients_stay_when_the_clock_is_put_forward(bench: Bench) -> bool:
    connection, _ = bench.client()
    timers = Timers(connection, bench.parts, idles=True)
    with mock.patch.object(time, "time", return_value=time.time() + DAY):
        bench.parts.sweep.run()
    timers.cancel()
    return not connection.ended


async def age_is_no_time_of_day(bench: Bench) -> bool:
    by_hand = bench.parts.clock = TimersByHand()
    connection, _ = make_connection(by_hand)
    timers = Timers(connection, bench.parts, idles=False)
    with mock.patch.object(time, "time", return_value=time.time() - DAY):
        by_hand.advance(bench.parts.settings.websocket_max_age)
    timers.cancel()
    return connection.ended


async def nobody_is_old_when_the_clock_is_put_forward(bench: Bench) -> bool:
    connection, _ = bench.client()
    timers = Timers(connection, bench.parts, idles=False)
    with mock.patch.object(time, "time", return_value=time.time() + DAY):
        bench.parts.sweep.run()
    timers.cancel()
    return not connection.ended


CHECKS: dict[str, Check] = {
    "alive_by_the_wall_clock": living_stay_when_the_clock_is_put_forward,
    "beats_by_the_wall_clock": pinged_when_the_clock_is_set_back,
    "breaker_by_the_wall_clock": trial_is_due_when_the_clock_is_set_back,
    "idle_by_the_wall_clock": idle_time_is_no_time_of_day,
    "idle_swept_by_the_wall_clock": idle_clients_stay_when_the_clock_is_put_forward,
    "old_by_the_wall_clock": age_is_no_time_of_day,
    "old_swept_by_the_wall_clock": nobody_is_old_when_the_clock_is_put_forward,
    "pongs_due_by_the_wall_clock": dead_are_found_when_the_clock_is_set_back,
}
