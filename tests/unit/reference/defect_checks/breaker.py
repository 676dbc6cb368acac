"""Defects of the breaker in front of the upstream."""

from __future__ import annotations

import asyncio

import httpx
from reference_server.breaker import Breaker, State
from reference_server.guard import DependencyFailed
from reference_server.upstream import Upstream, UpstreamRefused

from .bench import LONG, Bench, Check, call_upstream, opens, permit


async def opens_at_the_threshold(bench: Bench) -> bool:
    states = []
    for _ in range(bench.parts.settings.breaker_failure_threshold):
        states.append(bench.parts.upstream_breaker.state)
        await call_upstream(bench)
    return set(states) == {State.CLOSED} and bench.parts.upstream_breaker.state is State.OPEN


async def one_failure_opens_nothing(bench: Bench) -> bool:
    await call_upstream(bench)
    return bench.parts.upstream_breaker.state is State.CLOSED


def _due(bench: Bench) -> Breaker:
    """The breaker, opened by errors, once it is time for a trial."""
    opens(bench.parts.upstream_breaker, kind="error")
    bench.time.advance(LONG)
    return bench.parts.upstream_breaker


async def open_breaker_spares_the_upstream(bench: Bench) -> bool:
    bench.parts.source._cached = ("value", 0.0)
    for _ in range(bench.parts.settings.breaker_failure_threshold + 5):
        await call_upstream(bench)
        await asyncio.sleep(0)
    return bench.hits == bench.parts.settings.breaker_failure_threshold


async def open_breaker_tries_again(bench: Bench) -> bool:
    for _ in range(bench.parts.settings.breaker_failure_threshold):
        await call_upstream(bench)
    bench.time.advance(LONG)
    return bench.parts.upstream_breaker.acquire() is not None


async def trials_are_counted(bench: Bench) -> bool:
    breaker = bench.parts.upstream_breaker
    for _ in range(bench.parts.settings.breaker_failure_threshold):
        await call_upstream(bench)
    bench.time.advance(LONG)
    permits = [breaker.acquire() for _ in range(20)]
    return sum(permit is not None for permit in permits) == breaker.policy.half_open_probes


async def stays_open_for_the_whole_timeout(bench: Bench) -> bool:
    for _ in range(bench.parts.settings.breaker_failure_threshold):
        await call_upstream(bench)
    return bench.parts.upstream_breaker.open_for() >= bench.parts.settings.breaker_recovery_timeout


async def open_breaker_answers_at_once(bench: Bench) -> bool:
    for _ in range(bench.parts.settings.breaker_failure_threshold):
        await call_upstream(bench)
    call = asyncio.create_task(call_upstream(bench))
    for _ in range(5):
        await asyncio.sleep(0)
    return call.done() or not call.cancel()


async def silent_upstream_is_asked_once(bench: Bench) -> bool:
    async def time_out(path: str) -> object:
        bench.hits += 1
        raise DependencyFailed("timeout", "no answer")

    bench.parts.upstream.get = time_out  # type: ignore[method-assign]  # no network here
    await call_upstream(bench)
    return bench.hits == 1


async def time_outs_open_the_breaker(bench: Bench) -> bool:
    return opens(bench.parts.upstream_breaker, kind="timeout")


async def failed_trial_waits_again(bench: Bench) -> bool:
    breaker = _due(bench)
    trial = breaker.acquire()
    assert trial is not None
    trial.failure()
    return breaker.acquire() is None


async def rejection_does_not_prolong_the_wait(bench: Bench) -> bool:
    breaker = bench.parts.upstream_breaker
    opens(breaker, kind="error")
    bench.time.advance(0.9 * breaker.policy.recovery_timeout)
    breaker.acquire()
    bench.time.advance(0.2 * breaker.policy.recovery_timeout)
    return breaker.acquire() is not None


async def success_clears_the_count(bench: Bench) -> bool:
    breaker = bench.parts.upstream_breaker
    for _ in range(breaker.policy.failure_threshold - 1):
        permit(breaker).failure()
    permit(breaker).success()
    permit(breaker).failure()
    return breaker.state is State.CLOSED


async def _calls_time_out(bench: Bench, count: int, *, with_errors: bool = False) -> asyncio.Event:
    """So many calls are given up on, and are answered once the event is set, where they go on that long."""
    answered = asyncio.Event()

    async def answer_late(path: str) -> object:
        await answered.wait()
        if with_errors:
            raise DependencyFailed("error", "as the test says")
        return "value"

    bench.parts.upstream.get = answer_late  # type: ignore[method-assign]  # no network here
    bench.parts.source._timeout = 0.0  # it ends at the call's first wait
    for _ in range(count):
        await call_upstream(bench)
    return answered


async def _answers_come(answered: asyncio.Event) -> None:
    answered.set()
    for _ in range(5):
        await asyncio.sleep(0)


async def late_answer_clears_no_count(bench: Bench) -> bool:
    breaker = bench.parts.upstream_breaker
    answered = await _calls_time_out(bench, breaker.policy.failure_threshold - 1)
    await _answers_come(answered)
    permit(breaker).failure("timeout")
    return breaker.state is State.OPEN


async def late_answer_leaves_an_open_circuit_open(bench: Bench) -> bool:
    breaker = bench.parts.upstream_breaker
    answered = await _calls_time_out(bench, breaker.policy.failure_threshold)
    assert breaker.state is State.OPEN
    await _answers_come(answered)
    return breaker.state is State.OPEN


async def late_answer_is_no_trials(bench: Bench) -> bool:
    breaker = bench.parts.upstream_breaker
    answered = await _calls_time_out(bench, breaker.policy.failure_threshold)
    bench.time.advance(LONG)
    assert permit(breaker).probe
    await _answers_come(answered)
    return breaker.state is State.HALF_OPEN


async def late_errors_count_nowhere(bench: Bench) -> bool:
    breaker, states = bench.parts.upstream_breaker, []
    for trials in range(1, breaker.policy.success_threshold + 1):
        answered = await _calls_time_out(bench, breaker.policy.failure_threshold, with_errors=True)
        bench.time.advance(LONG)
        for _ in range(trials):
            permit(breaker).success()
        states.append(breaker.state)
        await _answers_come(answered)
        if breaker.state is not states[-1]:
            return False
        breaker.force_open()
        breaker.release()
    assert states == [State.HALF_OPEN, State.CLOSED]
    return True


async def calls_of_before_do_not_prolong_the_wait(bench: Bench) -> bool:
    breaker = bench.parts.upstream_breaker
    under_way = permit(breaker)
    opens(breaker, kind="error")
    bench.time.advance(0.5 * breaker.policy.recovery_timeout)
    under_way.failure("timeout")
    bench.time.advance(0.5 * breaker.policy.recovery_timeout)
    return breaker.acquire() is not None


async def calls_of_before_close_nothing(bench: Bench) -> bool:
    breaker = bench.parts.upstream_breaker
    under_way = permit(breaker)
    opens(breaker, kind="error")
    under_way.success()
    return breaker.state is State.OPEN


async def slow_answers_open_nothing(bench: Bench) -> bool:
    breaker = bench.parts.upstream_breaker
    for _ in range(breaker.policy.failure_threshold):
        slow = permit(breaker)
        bench.time.advance(0.8 * bench.parts.settings.upstream_timeout)
        slow.success()
    return breaker.state is State.CLOSED


async def failures_by_turns_open_nothing(bench: Bench) -> bool:
    breaker = bench.parts.upstream_breaker
    for _ in range(2 * breaker.policy.failure_threshold):
        permit(breaker).success()
        permit(breaker).failure()
        if breaker.state is not State.CLOSED:
            return False
    return True


async def trials_begin_anew_each_time(bench: Bench) -> bool:
    breaker = _due(bench)
    permit(breaker).success()
    permit(breaker).failure()
    bench.time.advance(LONG)
    permit(breaker).success()
    return breaker.state is State.HALF_OPEN


async def two_good_trials_close(bench: Bench) -> bool:
    breaker = _due(bench)
    permit(breaker).success()
    return breaker.state is State.HALF_OPEN


async def failed_trial_opens_again(bench: Bench) -> bool:
    breaker = _due(bench)
    permit(breaker).failure()
    return breaker.state is State.OPEN


async def waits_longer_after_each_failed_trial(bench: Bench) -> bool:
    breaker, waits = _due(bench), []
    for _ in range(2):
        permit(breaker).failure()
        waits.append(breaker.open_for() / breaker.policy.recovery_timeout)
        bench.time.advance(LONG)
    return waits == [2.0, 4.0]


async def starts_over_once_it_has_closed(bench: Bench) -> bool:
    breaker = _due(bench)
    permit(breaker).failure()
    bench.time.advance(LONG)
    for _ in range(breaker.policy.success_threshold):
        permit(breaker).success()
    permit(breaker).failure()
    if breaker.state is not State.CLOSED:
        return False
    permit(breaker).success()
    return opens(breaker, kind="error") and breaker.open_for() <= breaker.policy.recovery_timeout


async def _called_off(bench: Bench, calls: int) -> None:
    """So many callers go while the upstream hangs."""
    never = asyncio.Event()

    async def hang(_path: str) -> object:
        bench.hits += 1
        return await never.wait()

    bench.parts.upstream.get = hang  # type: ignore[method-assign]  # no network here
    asking = [asyncio.create_task(bench.parts.source.get()) for _ in range(calls)]
    for _ in range(5):
        await asyncio.sleep(0)
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)


async def callers_who_go_open_nothing(bench: Bench) -> bool:
    await _called_off(bench, bench.parts.settings.breaker_failure_threshold)
    return bench.parts.upstream_breaker.state is State.CLOSED


async def callers_who_go_close_nothing(bench: Bench) -> bool:
    breaker = _due(bench)
    await _called_off(bench, breaker.policy.half_open_probes)
    return breaker.state is not State.CLOSED


async def hung_trials_run_out(bench: Bench) -> bool:
    breaker = _due(bench)
    for trial in [permit(breaker) for _ in range(breaker.policy.half_open_probes)]:
        trial.failure("timeout")
        trial.cancel()
    bench.time.advance(LONG)
    return breaker.acquire() is not None


async def callers_mistakes_open_nothing(_bench: Bench) -> bool:
    upstream = Upstream("http://upstream.test", timeout=1.0, max_connections=1)
    upstream._client = httpx.AsyncClient(transport=httpx.MockTransport(lambda _request: httpx.Response(404)))
    try:
        await upstream.get("/data")
    except UpstreamRefused:
        return True
    except DependencyFailed:
        return False
    finally:
        await upstream.close()
    return False


def _let_through(bench: Bench, outcomes: str) -> int:
    """Calls until it opens, "x" for each that fails and "." for each that does not: how many were let through."""
    for number, outcome in enumerate(outcomes):
        allowed = bench.parts.upstream_breaker.acquire()
        if allowed is None:
            return number
        if outcome == "x":
            allowed.failure("error")
        else:
            allowed.success()
    return len(outcomes)


async def opens_at_its_rate_and_minimum(bench: Bench) -> bool:
    return _let_through(bench, ".xxxx.xxxx.xx") == bench.parts.settings.breaker_minimum_calls


async def forgets_what_its_window_has_left_behind(bench: Bench) -> bool:
    _let_through(bench, ".xxxx.xxx")
    bench.time.advance(LONG)
    return _let_through(bench, ".xxxx") == 5 and bench.parts.upstream_breaker.state is State.CLOSED


async def everybody_at_once_gets_as_many_trials(bench: Bench) -> bool:
    breaker = _due(bench)
    await _called_off(bench, 20)
    return bench.hits == breaker.policy.half_open_probes


CHECKS: dict[str, Check] = {
    "answers_of_before_close_the_circuit": calls_of_before_close_nothing,
    "breaker_awaits_before_it_takes_a_permit": everybody_at_once_gets_as_many_trials,
    "breaker_backs_off_twice": waits_longer_after_each_failed_trial,
    "breaker_ignores_its_minimum": opens_at_its_rate_and_minimum,
    "breaker_keeps_its_back_off": starts_over_once_it_has_closed,
    "breaker_keeps_its_count": starts_over_once_it_has_closed,
    "breaker_knows_no_rate": opens_at_its_rate_and_minimum,
    "breaker_never_backs_off": waits_longer_after_each_failed_trial,
    "breaker_window_never_expires": forgets_what_its_window_has_left_behind,
    "cancelled_calls_are_failures": callers_who_go_open_nothing,
    "cancelled_trials_are_successes": callers_who_go_close_nothing,
    "client_errors_open_the_circuit": callers_mistakes_open_nothing,
    "hung_trials_are_forgotten": hung_trials_run_out,
    "breaker_calls_while_open": open_breaker_spares_the_upstream,
    "breaker_closes_on_the_first_success": two_good_trials_close,
    "breaker_closes_when_a_trial_fails": failed_trial_opens_again,
    "breaker_counts_no_timeouts": time_outs_open_the_breaker,
    "breaker_keeps_the_successes_of_trials": trials_begin_anew_each_time,
    "breaker_never_half_opens": open_breaker_tries_again,
    "breaker_opens_at_a_rate": failures_by_turns_open_nothing,
    "breaker_opens_late": opens_at_the_threshold,
    "breaker_opens_on_first_failure": one_failure_opens_nothing,
    "breaker_rejections_count_as_failures": rejection_does_not_prolong_the_wait,
    "breaker_retries_at_once_after_a_trial": failed_trial_waits_again,
    "breaker_stampede_of_trials": trials_are_counted,
    "breaker_success_keeps_the_count": success_clears_the_count,
    "breaker_tries_too_early": stays_open_for_the_whole_timeout,
    "breaker_waits_from_the_last_failure": calls_of_before_do_not_prolong_the_wait,
    "breaker_waits_while_open": open_breaker_answers_at_once,
    "late_answers_clear_the_count": late_answer_clears_no_count,
    "late_answers_close_the_circuit": late_answer_leaves_an_open_circuit_open,
    "late_answers_pass_for_trials": late_answer_is_no_trials,
    "late_failures_open_the_circuit": late_errors_count_nowhere,
    "rejections_are_swallowed": open_breaker_answers_at_once,
    "slow_answers_are_failures": slow_answers_open_nothing,
    "upstream_asked_three_times": silent_upstream_is_asked_once,
}
