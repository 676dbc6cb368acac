"""Defects of the breaker that guards establishments."""

from __future__ import annotations

from reference_server.breaker import State
from reference_server.endpoints.session import Session
from reference_server.phases import EstablishmentFailed
from reference_server.rejection import Rejected

from .bench import LONG, Bench, Check, FakeWebSocket, opens, permit


async def failed_establishments_open_the_breaker(bench: Bench) -> bool:
    parts = bench.parts
    session = Session(parts.settings, upstream=parts.upstream, breaker=parts.accept_breaker, gate=parts.gate)
    ends = []
    for _ in range(parts.settings.breaker_failure_threshold + 1):
        try:
            await session.establish(bench.newcomer())
        except (EstablishmentFailed, Rejected) as end:
            ends.append(type(end))
    return ends[-1] is Rejected


async def time_outs_open_the_accept_breaker(bench: Bench) -> bool:
    return opens(bench.parts.accept_breaker, kind="timeout")


async def accept_breaker_opens_at_the_threshold(bench: Bench) -> bool:
    return opens(bench.parts.accept_breaker, kind="error")


async def stranger_is_no_failed_establishment(bench: Bench) -> bool:
    websocket = FakeWebSocket()
    websocket.headers = {"origin": "https://elsewhere.test"}
    for _ in range(bench.parts.settings.breaker_failure_threshold + 1):
        bench.parts.gate.stranger(websocket)  # type: ignore[arg-type]  # a stand-in
    return bench.parts.accept_breaker.state is State.CLOSED


async def accept_breaker_tries_again(bench: Bench) -> bool:
    breaker = bench.parts.accept_breaker
    opens(breaker, kind="error")
    bench.time.advance(LONG)
    return breaker.acquire() is not None


async def success_clears_the_count_of_failed_establishments(bench: Bench) -> bool:
    breaker = bench.parts.accept_breaker
    for _ in range(breaker.policy.failure_threshold):
        permit(breaker).success()
        permit(breaker).failure()
    return breaker.state is State.CLOSED


async def accept_breaker_stays_open_for_its_whole_timeout(bench: Bench) -> bool:
    breaker = bench.parts.accept_breaker
    opens(breaker, kind="error")
    return breaker.open_for() >= bench.parts.settings.breaker_recovery_timeout


async def open_accept_breaker_says_so(bench: Bench) -> bool:
    opens(bench.parts.accept_breaker, kind="error")
    return bench.parts.accept_breaker.get_statistics()["state"] == "open"


async def open_circuit_of_the_data_lets_newcomers_in(bench: Bench) -> bool:
    opens(bench.parts.upstream_breaker, kind="error")
    return bench.parts.accept_breaker.acquire() is not None


CHECKS: dict[str, Check] = {
    "breakers_are_one": open_circuit_of_the_data_lets_newcomers_in,
    "accept_breaker_says_it_is_closed": open_accept_breaker_says_so,
    "accept_breaker_tries_too_early": accept_breaker_stays_open_for_its_whole_timeout,
    "accept_breaker_counts_no_timeouts": time_outs_open_the_accept_breaker,
    "accept_breaker_counts_the_turned_away": stranger_is_no_failed_establishment,
    "accept_breaker_never_opens": failed_establishments_open_the_breaker,
    "accept_breaker_opens_late": accept_breaker_opens_at_the_threshold,
    "accept_breaker_stays_open": accept_breaker_tries_again,
    "accept_breaker_success_keeps_the_count": success_clears_the_count_of_failed_establishments,
}
