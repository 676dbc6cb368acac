"""The breaker's state machine under a clock set by hand: each test rules out one classical bug."""

from __future__ import annotations

import time

import pytest
from reference_server.breaker import Breaker, BreakerPolicy, Permit, State, Transition

from .fakes import FakeTime

POLICY = BreakerPolicy(
    failure_threshold=3,
    recovery_timeout=10,
    half_open_probes=2,
    success_threshold=2,
    probe_timeout=5,
    backoff=2,
    max_recovery_timeout=30,
)


@pytest.fixture
def clock() -> FakeTime:
    return FakeTime()


@pytest.fixture
def breaker(clock: FakeTime) -> Breaker:
    return Breaker(POLICY, monotonic=clock)


def allowed(breaker: Breaker) -> Permit:
    permit = breaker.acquire()
    assert permit is not None, "the breaker let nothing through"
    return permit


def state_of(breaker: Breaker) -> State:
    return breaker.state


def fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        allowed(breaker).failure()


def opened(breaker: Breaker) -> Breaker:
    fail(breaker, POLICY.failure_threshold)
    assert state_of(breaker) is State.OPEN
    return breaker


def half_opened(breaker: Breaker, clock: FakeTime) -> Permit:
    """The first probe of a half-open breaker."""
    opened(breaker)
    clock.advance(POLICY.recovery_timeout)
    probe = allowed(breaker)
    assert state_of(breaker) is State.HALF_OPEN
    return probe


def test_opens_at_the_threshold_and_not_before(breaker: Breaker) -> None:
    fail(breaker, POLICY.failure_threshold - 1)
    assert state_of(breaker) is State.CLOSED
    fail(breaker)
    assert state_of(breaker) is State.OPEN


def test_success_starts_the_count_anew(breaker: Breaker) -> None:
    for _ in range(5):
        fail(breaker, POLICY.failure_threshold - 1)
        allowed(breaker).success()
    assert state_of(breaker) is State.CLOSED


def test_nothing_passes_while_open(breaker: Breaker, clock: FakeTime) -> None:
    opened(breaker)
    for _ in range(100):
        assert breaker.acquire() is None
    clock.advance(POLICY.recovery_timeout - 0.001)
    assert breaker.acquire() is None
    assert breaker.tally.rejected == 101


def test_rejections_are_no_failures(breaker: Breaker, clock: FakeTime) -> None:
    opened(breaker)
    for _ in range(100):
        breaker.acquire()
    assert breaker.tally.failures == {"failure": POLICY.failure_threshold}
    assert breaker.open_for() == POLICY.recovery_timeout, "rejections must not put off the recovery"


def test_half_open_lets_exactly_the_probes_through(breaker: Breaker, clock: FakeTime) -> None:
    half_opened(breaker, clock)
    allowed(breaker)
    for _ in range(20):
        assert breaker.acquire() is None
    assert breaker.tally.probes == POLICY.half_open_probes


def test_first_success_does_not_close_yet(breaker: Breaker, clock: FakeTime) -> None:
    half_opened(breaker, clock).success()
    assert state_of(breaker) is State.HALF_OPEN
    # One of the two is used up for good: a second probe, but no third.
    second = allowed(breaker)
    assert breaker.acquire() is None
    second.success()
    assert state_of(breaker) is State.CLOSED


def test_closing_clears_the_count(breaker: Breaker, clock: FakeTime) -> None:
    half_opened(breaker, clock).success()
    allowed(breaker).success()
    fail(breaker, POLICY.failure_threshold - 1)
    assert state_of(breaker) is State.CLOSED
    fail(breaker)
    assert state_of(breaker) is State.OPEN


def test_failed_probe_opens_again_with_the_timer_restarted(breaker: Breaker, clock: FakeTime) -> None:
    probe = half_opened(breaker, clock)
    clock.advance(3)
    probe.failure()
    assert state_of(breaker) is State.OPEN
    assert breaker.open_for() == POLICY.recovery_timeout * POLICY.backoff


def test_backoff_grows_to_its_limit_and_is_reset_by_closing(breaker: Breaker, clock: FakeTime) -> None:
    opened(breaker)
    waits = []
    for _ in range(5):
        waits.append(breaker.open_for())
        clock.advance(breaker.open_for())
        allowed(breaker).failure()
    assert waits == [10, 20, 30, 30, 30]
    clock.advance(breaker.open_for())
    allowed(breaker).success()
    allowed(breaker).success()
    opened(breaker)
    assert breaker.open_for() == 10


def test_backoff_does_not_overflow(clock: FakeTime) -> None:
    breaker = Breaker(BreakerPolicy(failure_threshold=1, recovery_timeout=1.0, backoff=100.0), monotonic=clock)
    breaker.failed_recoveries = 10**6
    assert breaker.recovery_timeout() == 100.0**64


def test_cancelled_probe_gives_its_place_back(breaker: Breaker, clock: FakeTime) -> None:
    half_opened(breaker, clock).cancel()
    assert state_of(breaker) is State.HALF_OPEN
    first, second = allowed(breaker), allowed(breaker)
    first.success()
    second.success()
    assert state_of(breaker) is State.CLOSED


def test_cancellation_is_neither_success_nor_failure(breaker: Breaker) -> None:
    fail(breaker, POLICY.failure_threshold - 1)
    for _ in range(10):
        allowed(breaker).cancel()
    assert state_of(breaker) is State.CLOSED, "cancellations must not count as failures"
    fail(breaker)
    assert state_of(breaker) is State.OPEN, "cancellations must not count as successes"


def test_hung_probe_expires_as_a_failure(breaker: Breaker, clock: FakeTime) -> None:
    probe = half_opened(breaker, clock)
    clock.advance(POLICY.probe_timeout + 2)
    assert state_of(breaker) is State.OPEN
    assert breaker.tally.failures["probe_expired"] == 1
    assert breaker.open_for() == POLICY.recovery_timeout * POLICY.backoff - 2, "it counts from the expiry"
    probe.success()
    assert state_of(breaker) is State.OPEN, "what the expired probe says in the end is stale"
    assert breaker.tally.stale == 1


def test_success_from_before_the_opening_does_not_close(breaker: Breaker, clock: FakeTime) -> None:
    slow, slower = allowed(breaker), allowed(breaker)
    opened(breaker)
    slow.success()
    assert state_of(breaker) is State.OPEN
    clock.advance(POLICY.recovery_timeout)
    allowed(breaker)
    slower.success()
    assert state_of(breaker) is State.HALF_OPEN
    assert breaker.tally.stale == 2


def test_failure_from_before_does_not_open_a_recovered_breaker(breaker: Breaker, clock: FakeTime) -> None:
    slow = [allowed(breaker) for _ in range(10)]
    half_opened(breaker, clock).success()
    slow.pop().failure()
    assert state_of(breaker) is State.HALF_OPEN, "it is no probe's result"
    allowed(breaker).success()
    for permit in slow:
        permit.failure()
    assert state_of(breaker) is State.CLOSED


def test_permit_ends_once(breaker: Breaker, clock: FakeTime) -> None:
    probe = half_opened(breaker, clock)
    probe.cancel()
    probe.success()
    probe.success()
    assert state_of(breaker) is State.HALF_OPEN
    assert breaker.tally.successes == 0


def test_one_failing_probe_outweighs_a_successful_one(breaker: Breaker, clock: FakeTime) -> None:
    first = half_opened(breaker, clock)
    second = allowed(breaker)
    first.success()
    second.failure()
    assert state_of(breaker) is State.OPEN


def test_forced_open_stays_until_released(breaker: Breaker, clock: FakeTime) -> None:
    breaker.force_open()
    clock.advance(1e6)
    assert breaker.acquire() is None
    assert state_of(breaker) is State.FORCED_OPEN
    assert breaker.open_for() == float("inf")
    assert breaker.get_statistics()["retry_after"] is None
    breaker.release()
    fail(breaker, POLICY.failure_threshold - 1)
    assert state_of(breaker) is State.CLOSED


def test_release_leaves_a_clean_slate(breaker: Breaker) -> None:
    fail(breaker, POLICY.failure_threshold - 1)
    breaker.force_open()
    breaker.release()
    fail(breaker, POLICY.failure_threshold - 1)
    assert state_of(breaker) is State.CLOSED


def test_threshold_999_switches_it_off(clock: FakeTime) -> None:
    policy = BreakerPolicy(failure_threshold=999, recovery_timeout=10, failure_rate=0.1, minimum_calls=1)
    breaker = Breaker(policy, monotonic=clock)
    fail(breaker, 2000)
    assert state_of(breaker) is State.CLOSED


def test_rate_opens_only_with_the_minimum_of_calls(clock: FakeTime) -> None:
    policy = BreakerPolicy(failure_threshold=100, recovery_timeout=10, failure_rate=0.5, window=60, minimum_calls=10)
    breaker = Breaker(policy, monotonic=clock)
    for _ in range(4):
        allowed(breaker).success()
        fail(breaker)
    allowed(breaker).success()
    assert state_of(breaker) is State.CLOSED, "eight of nine calls are below the minimum"
    fail(breaker)
    assert state_of(breaker) is State.OPEN


def test_rate_forgets_what_is_older_than_the_window(clock: FakeTime) -> None:
    policy = BreakerPolicy(failure_threshold=100, recovery_timeout=10, failure_rate=0.5, window=60, minimum_calls=10)
    breaker = Breaker(policy, monotonic=clock)
    fail(breaker, 9)
    clock.advance(60)
    fail(breaker, 9)
    assert state_of(breaker) is State.CLOSED
    fail(breaker)
    assert state_of(breaker) is State.OPEN


def test_kinds_of_failure_are_counted_apart(breaker: Breaker) -> None:
    allowed(breaker).failure("timeout")
    allowed(breaker).failure("error")
    allowed(breaker).failure("timeout")
    assert breaker.get_statistics()["failures"] == {"timeout": 2, "error": 1}


def test_transitions_are_told_counted_and_timed(clock: FakeTime) -> None:
    told: list[Transition] = []
    breaker = Breaker(POLICY, monotonic=clock, on_transition=lambda _breaker, transition: told.append(transition))
    start = clock()
    clock.advance(1)
    half_opened(breaker, clock).success()
    clock.advance(2)
    allowed(breaker).success()
    assert told == [
        Transition(State.CLOSED, State.OPEN, at=start + 1, lasted=1),
        Transition(State.OPEN, State.HALF_OPEN, at=start + 11, lasted=10),
        Transition(State.HALF_OPEN, State.CLOSED, at=start + 13, lasted=2),
    ]
    assert breaker.get_statistics()["transitions"] == {"closed->open": 1, "open->half-open": 1, "half-open->closed": 1}


def test_policy_that_can_never_close_is_refused() -> None:
    with pytest.raises(
        ValueError,
        match=r"^success_threshold is 3; allowed: 1 to half_open_probes \(2\); otherwise the breaker can never close$",
    ):
        BreakerPolicy(failure_threshold=1, recovery_timeout=1, half_open_probes=2, success_threshold=3)


def test_one_breaker_knows_nothing_of_another(clock: FakeTime) -> None:
    first, second = Breaker(POLICY, monotonic=clock), Breaker(POLICY, monotonic=clock)
    opened(first)
    assert state_of(second) is State.CLOSED


def test_an_operation_costs_well_under_a_millisecond() -> None:
    breaker = Breaker(POLICY)
    calls = 2000
    start = time.perf_counter()
    for _ in range(calls):
        allowed(breaker).success()
    # Measured 2 µs; the promise is 1 ms, and a busy machine costs a factor of ten.
    assert (time.perf_counter() - start) / calls < 0.001
