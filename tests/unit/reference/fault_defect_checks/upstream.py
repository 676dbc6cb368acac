"""Defects that show when the upstream fails, hangs, or is gone for a while."""

from __future__ import annotations

import asyncio
import contextlib

from reference_server.breaker import State
from reference_server.guard import DependencyFailed
from reference_server.source import Unavailable

from ..defect_checks.bench import Bench, Check
from .turns import AGAIN, some_turns


async def hanging_upstream_raises_its_alert(bench: Bench) -> bool:
    breaker = bench.parts.upstream_breaker
    while breaker.state is State.CLOSED:
        permit = breaker.acquire()
        assert permit is not None
        permit.failure("timeout")
    return "upstream_breaker_open" in bench.parts.alerts.update()


async def last_value_outlives_the_connection(bench: Bench) -> bool:
    bench.fails_with = "unreachable"
    bench.parts.source._cached = ("value", 0.0)
    try:
        return (await bench.parts.source.get()).source == "cached"
    except Unavailable:
        return False


async def upstream_is_asked_again_when_it_is_back(bench: Bench) -> bool:
    bench.fails_with = "unreachable"
    with contextlib.suppress(DependencyFailed):
        await bench.parts.upstream.get("/data")
    bench.fails_with = None
    try:
        return await bench.parts.upstream.get("/data") == "value"
    except DependencyFailed:
        return False


async def refused_connections_open_the_accept_breaker(bench: Bench) -> bool:
    breaker = bench.parts.accept_breaker
    for _ in range(breaker.policy.failure_threshold):
        permit = breaker.acquire()
        assert permit is not None
        permit.failure("unreachable")
    return breaker.state is State.OPEN


async def hung_call_is_made_once(bench: Bench) -> bool:
    bench.fails_with = "timeout"
    with contextlib.suppress(Unavailable):
        await bench.parts.source.get()
    await asyncio.sleep(AGAIN)
    await some_turns()
    return bench.hits == 1


async def trial_that_is_called_off_is_made_again(bench: Bench) -> bool:
    breaker = bench.parts.upstream_breaker
    while breaker.state is State.CLOSED:
        permit = breaker.acquire()
        assert permit is not None
        permit.failure()
    bench.time.advance(breaker.recovery_timeout())
    while (permit := breaker.acquire()) is not None:
        permit.cancel()
        if breaker.tally.cancelled:
            return True
    return False


async def hung_call_takes_nothing_off_the_wait(bench: Bench) -> bool:
    breaker = bench.parts.upstream_breaker
    while breaker.state is State.CLOSED:
        permit = breaker.acquire()
        assert permit is not None
        bench.time.advance(bench.parts.settings.upstream_timeout)
        permit.failure("timeout")
    return breaker.open_for() == breaker.recovery_timeout()


CHECKS: dict[str, Check] = {
    "accept_breaker_counts_no_refusals": refused_connections_open_the_accept_breaker,
    "alert_hears_of_errors_only": hanging_upstream_raises_its_alert,
    "breaker_waits_from_the_call": hung_call_takes_nothing_off_the_wait,
    "cache_goes_with_the_connection": last_value_outlives_the_connection,
    "hung_calls_are_made_again": hung_call_is_made_once,
    "trials_go_with_their_callers": trial_that_is_called_off_is_made_again,
    "upstream_down_for_good": upstream_is_asked_again_when_it_is_back,
}
