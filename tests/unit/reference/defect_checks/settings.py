"""Defects in reading the settings."""

from __future__ import annotations

from dataclasses import replace

from reference_server.breaker import State
from reference_server.clock import AttentiveClock
from reference_server.environment import BadSetting, load_settings
from reference_server.idle import IdleTimer

from ..fakes import make_connection
from .admission import limit_holds_before_anybody_is_established
from .bench import LONG, Bench, Check


async def accept_breaker_is_off_at_999(bench: Bench) -> bool:
    breaker = bench.parts.accept_breaker
    breaker.policy = replace(breaker.policy, failure_threshold=999)
    for _ in range(20):
        permit = breaker.acquire()
        if permit is not None:
            permit.failure("error")
    return breaker.state is State.CLOSED


async def limit_is_the_one_that_is_set(bench: Bench) -> bool:
    bench.parts.admission.limit = 10
    return await limit_holds_before_anybody_is_established(bench)


async def idle_timeout_is_the_one_that_is_set(bench: Bench) -> bool:
    clock = AttentiveClock(tick_interval=LONG)
    connection, _ = make_connection(clock)
    timer = IdleTimer(connection, clock=clock, timeout=LONG, warning=1.0)
    timer.cancel()
    return timer._quiet == LONG - 1.0


async def unreadable_setting_is_refused(_bench: Bench) -> bool:
    try:
        load_settings({"WEBSOCKET_MAX_CONNECTIONS": "many"}, profile="fast")
    except BadSetting:
        return True
    return False


CHECKS: dict[str, Check] = {
    "accept_breaker_keeps_its_threshold": accept_breaker_is_off_at_999,
    "idle_timeout_is_a_constant": idle_timeout_is_the_one_that_is_set,
    "limit_is_a_constant": limit_is_the_one_that_is_set,
    "unreadable_setting_becomes_the_default": unreadable_setting_is_refused,
}
