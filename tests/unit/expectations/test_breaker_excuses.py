"""What a busy machine does to a breaker's calls and hits, and that an idle one is blamed for none of it."""

from __future__ import annotations

import pytest

from chaos.expectations import (
    CallsAnswered,
    Expectation,
    OpenedAfter,
    OpenedAtRate,
    UpstreamCalled,
    UpstreamLeftAlone,
)
from chaos.expectations.breaker_model import Limits
from chaos.journal import Call, Event, Hit, Source
from chaos.verdict import Verdict
from tests.unit.expectations.records import late, reading, record

PROMISED = Limits(failure_threshold=3, recovery_timeout=0.5, success_threshold=2, call_timeout=0.4)

EVERY = 0.05
"""Seconds between two looks at the machine."""


def call(began: float, source: Source = Source.CACHED, *, took: float = 0.01, detail: str = "") -> Call:
    return Call(at=began + took, began=began, source=source, detail=detail)


def hit(at: float, status: int = 500) -> Hit:
    return Hit(at=at, path="/data", status=status)


def failed(began: float, *, took: float = 0.01) -> list[Event]:
    return [call(began, took=took), hit(began + 0.001)]


def busy(*times: tuple[float, float]) -> list[Event]:
    """A machine with work for both cores between these times, and next to none otherwise; the server does not wait."""
    return _machine(times, ())


def starved(*times: tuple[float, float]) -> list[Event]:
    """The same, and the server waits for a core."""
    return _machine(times, times)


def _machine(crowded: tuple[tuple[float, float], ...], waits: tuple[tuple[float, float], ...]) -> list[Event]:
    def within(at: float, times: tuple[tuple[float, float], ...]) -> bool:
        return any(start <= at + EVERY / 2 <= end for start, end in times)

    readings: list[Event] = []
    worked = waited = 0.0
    for number in range(int(6 / EVERY)):
        at = 9.0 + number * EVERY
        readings.append(reading(at, waited=waited, busy=worked))
        worked += EVERY * (2 if within(at, crowded) else 0.05)
        waited += EVERY * within(at, waits)
    return readings


def verdict(expectation: Expectation, *events: Event | list[Event]) -> Verdict:
    flat = [each for of_one in events for each in (of_one if isinstance(of_one, list) else [of_one])]
    return expectation.judge(record(*flat)).verdict


LIVE = CallsAnswered(sources=(Source.LIVE,), start=10.0, end=13.0, when="of late", limits=PROMISED)
FALLBACK = CallsAnswered(
    sources=(Source.CACHED, Source.UNAVAILABLE), start=11.0, end=13.0, when="of late", limits=PROMISED
)

GIVEN_UP = [call(11.0, took=0.25), hit(11.2, 200)]
UNREAD = [call(11.0, took=0.25)]


@pytest.mark.parametrize("events", [GIVEN_UP, UNREAD], ids=["read late", "never read"])
def test_a_call_is_given_up_where_the_upstream_had_no_core(events: list[Event]) -> None:
    assert verdict(LIVE, events, busy()) is Verdict.VIOLATED
    assert verdict(LIVE, events, busy((11.3, 12.5))) is Verdict.VIOLATED
    assert verdict(LIVE, events, busy((11.0, 11.1))) is Verdict.VIOLATED
    assert verdict(LIVE, events, busy((11.0, 11.2))) is Verdict.INCONCLUSIVE
    assert verdict(LIVE, events, starved((11.0, 11.2))) is Verdict.INCONCLUSIVE


def test_the_machine_is_said_to_be_why() -> None:
    finding = LIVE.judge(record(*GIVEN_UP, *busy((11.0, 11.25))))
    assert finding.observed.startswith("1 of 1 calls of late got cached answers, a breach within the reading's own unc")
    assert finding.observed.endswith(": the machine had work for every core for 250ms")


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([call(11.0)], id="not passed on"),
        pytest.param([call(11.0), hit(11.005, 200)], id="answered, and at once"),
        pytest.param([call(11.0, took=0.25), hit(11.1, 500)], id="failed"),
        pytest.param([call(11.0, Source.OTHER, took=0.25)], id="another answer"),
    ],
)
def test_no_machine_makes_a_fallback_of_these(events: list[Event]) -> None:
    assert verdict(LIVE, events, starved((10.0, 12.0))) is Verdict.VIOLATED


def test_who_is_turned_away_after_a_call_that_was_given_up_was_turned_away_for_that() -> None:
    machine = busy((11.0, 11.25))
    assert verdict(LIVE, UNREAD, call(11.3), call(11.4), machine) is Verdict.INCONCLUSIVE
    assert verdict(LIVE, call(10.5), UNREAD, machine) is Verdict.VIOLATED
    taken_back = [call(11.3, Source.LIVE), hit(11.301, 200)]
    assert verdict(LIVE, UNREAD, taken_back, call(11.4), machine) is Verdict.VIOLATED
    assert verdict(LIVE, UNREAD, call(11.3, took=0.3), machine) is Verdict.VIOLATED


def test_before_its_window_counts_as_well() -> None:
    later = CallsAnswered(sources=(Source.LIVE,), start=11.28, end=13.0, when="of late", limits=PROMISED)
    assert verdict(later, UNREAD, call(11.3), busy((11.0, 11.25))) is Verdict.INCONCLUSIVE
    assert verdict(later, UNREAD, call(11.3), busy()) is Verdict.VIOLATED


SLOW = [call(11.0, Source.LIVE, took=0.55), hit(11.0, 200)]


def test_an_answer_that_is_too_late_is_its_callers_where_the_timer_was_later() -> None:
    assert verdict(FALLBACK, SLOW, starved()) is Verdict.VIOLATED
    assert verdict(FALLBACK, SLOW, starved((11.4, 11.5))) is Verdict.VIOLATED
    assert verdict(FALLBACK, SLOW, starved((11.35, 11.55))) is Verdict.INCONCLUSIVE
    assert verdict(FALLBACK, SLOW, late(0.2, at=11.5)) is Verdict.INCONCLUSIVE
    soon = [call(11.0, Source.LIVE, took=0.3), hit(11.0, 200)]
    assert verdict(FALLBACK, soon, starved((11.0, 11.3))) is Verdict.VIOLATED


LAST_FAILURE = [call(10.5, took=0.3), hit(10.502)]
"""It opened between 10.5 and 10.8; a trial is due from 11.0 on, or from 11.3."""


def test_a_live_answer_while_open_may_be_that_to_a_trial() -> None:
    trial = [call(11.05, Source.LIVE), hit(11.051, 200)]
    assert verdict(FALLBACK, LAST_FAILURE, trial) is Verdict.VIOLATED
    assert verdict(FALLBACK, LAST_FAILURE, trial, late(0.2, at=10.8)) is Verdict.VIOLATED
    assert verdict(FALLBACK, LAST_FAILURE, trial, late(0.28, at=10.8)) is Verdict.INCONCLUSIVE
    # What comes after it opened moves nothing.
    assert verdict(FALLBACK, LAST_FAILURE, trial, late(0.0, at=10.9), late(0.28, at=11.0)) is Verdict.VIOLATED


def test_no_circuit_opened_before_the_failing_request_came() -> None:
    read_later = [call(10.5, took=0.3), hit(10.6)]
    trial = [call(11.05, Source.LIVE), hit(11.051, 200)]
    assert verdict(FALLBACK, read_later, trial, late(0.9, at=10.8)) is Verdict.VIOLATED


@pytest.mark.parametrize("expectation", [LIVE, FALLBACK])
def test_who_got_no_answer_for_reasons_of_ours_says_nothing(expectation: Expectation) -> None:
    nothing = call(11.0, Source.NONE, took=1.0, detail="no answer within 1s")
    assert verdict(expectation, nothing, late(0.4, at=11.9)) is Verdict.VIOLATED
    assert verdict(expectation, nothing, late(0.6, at=11.9)) is Verdict.INCONCLUSIVE
    lost = call(11.0, Source.NONE, took=1.0, detail="ConnectionClosedError: no close frame received or sent")
    assert verdict(expectation, lost, late(0.6, at=11.9)) is Verdict.VIOLATED


OPENED = OpenedAfter(failures=3, start=10.0, end=11.9, limits=PROMISED)
THEN = [call(11.4), call(11.41), call(11.42)]


def test_a_failure_that_the_upstream_did_not_read_in_time_is_one() -> None:
    first = [*failed(10.5), *failed(10.6)]
    assert verdict(OPENED, first, UNREAD, THEN, busy()) is Verdict.VIOLATED
    assert verdict(OPENED, first, UNREAD, THEN, busy((11.0, 11.25))) is Verdict.INCONCLUSIVE
    # Opened too early: none of those that were passed on was given up.
    assert verdict(OPENED, first, THEN, busy((10.0, 12.0))) is Verdict.VIOLATED
    assert verdict(OPENED, first[:2], UNREAD, call(10.9), THEN, busy((10.0, 12.0))) is Verdict.VIOLATED


def test_a_live_answer_that_was_too_late_begins_the_count_anew() -> None:
    events = [*failed(10.5), *SLOW, *failed(11.6), *failed(11.65), *failed(11.7), call(11.8)]
    assert verdict(OPENED, events, starved()) is Verdict.VIOLATED
    assert verdict(OPENED, events, starved((11.35, 11.55))) is Verdict.INCONCLUSIVE
    # Before the window, and taken back by one in time.
    alone = UpstreamLeftAlone(start=11.61, end=11.9, limits=PROMISED)
    assert verdict(alone, events, starved()) is Verdict.VIOLATED
    assert verdict(alone, events, starved((11.35, 11.55))) is Verdict.INCONCLUSIVE
    in_time = [call(11.57, Source.LIVE), hit(11.571, 200)]
    assert verdict(alone, events, in_time, starved((11.35, 11.55))) is Verdict.VIOLATED


def test_a_trial_just_before_the_end_of_the_window_is_due_to_the_opening() -> None:
    opened = [*failed(10.5), *failed(10.6), call(10.7, took=0.3), hit(10.702)]
    trial = [*failed(11.4), call(11.45)]
    window = OpenedAfter(failures=3, start=10.0, end=11.5, limits=PROMISED)
    assert verdict(window, opened, trial) is Verdict.VIOLATED
    assert verdict(window, opened, trial, late(0.12, at=11.0)) is Verdict.INCONCLUSIVE
    assert verdict(window, opened, failed(11.35), trial, late(0.2, at=11.0)) is Verdict.VIOLATED


ALONE = UpstreamLeftAlone(start=11.25, end=11.5, limits=PROMISED)


def test_a_request_that_was_stamped_late_is_one_of_before() -> None:
    before, after = failed(10.5), [call(11.3), hit(11.35)]
    assert verdict(ALONE, before, UNREAD, after, busy()) is Verdict.VIOLATED
    assert verdict(ALONE, before, UNREAD, after, busy((11.4, 12.0))) is Verdict.VIOLATED
    assert verdict(ALONE, before, UNREAD, after, busy((11.2, 11.4))) is Verdict.INCONCLUSIVE
    # One call, one request.
    assert verdict(ALONE, before, UNREAD, after, hit(11.36), busy((11.2, 11.4))) is Verdict.VIOLATED
    # None of those of before lacks one.
    assert verdict(ALONE, before, GIVEN_UP, after, busy((11.2, 11.4))) is Verdict.VIOLATED


def test_a_request_that_is_stamped_just_after_the_end_of_its_call_is_its_own() -> None:
    """Within what the clocks may differ by, it lies in that call for all others."""
    window = UpstreamLeftAlone(start=11.25, end=11.5, limits=PROMISED)
    just_after = [*UNREAD, hit(11.253), call(11.3)]
    assert verdict(window, just_after) is Verdict.VIOLATED
    assert verdict(window, just_after, busy((11.2, 11.3))) is Verdict.INCONCLUSIVE
    assert verdict(window, just_after, hit(11.1), busy((11.2, 11.3))) is Verdict.VIOLATED


def test_an_idle_machine_is_no_busy_one_because_it_was_looked_at_seldom() -> None:
    """A fifth of the time it had work, which is more than the call took: one look in two seconds."""
    seldom = [reading(10.0, waited=0.0, busy=0.0), reading(12.0, waited=0.0, busy=0.8)]
    assert verdict(LIVE, UNREAD, list(seldom)) is Verdict.VIOLATED


TRIALS = UpstreamCalled(least=1, most=1, start=10.8, due=11.3, end=11.68, when="then", limits=PROMISED)


def test_a_second_trial_is_in_the_window_where_the_circuit_opened_long_before_its_stamp() -> None:
    asked = [call(11.0), call(11.31), call(11.6)]
    early = [*LAST_FAILURE, *asked, *failed(11.1), *failed(11.61)]
    assert verdict(TRIALS, early) is Verdict.VIOLATED
    assert verdict(TRIALS, early, late(0.22, at=10.8)) is Verdict.INCONCLUSIVE
    at_once = [*LAST_FAILURE, *asked, *failed(11.1), *failed(11.4)]
    assert verdict(TRIALS, at_once, late(0.3, at=10.8)) is Verdict.VIOLATED
    stampede = [*LAST_FAILURE, *failed(11.32), *failed(11.34)]
    assert verdict(TRIALS, stampede, late(0.3, at=10.8)) is Verdict.VIOLATED


def test_no_trial_is_seen_where_it_was_given_up_unread_or_the_server_never_ran() -> None:
    unread = [*LAST_FAILURE, call(11.35, took=0.25)]
    assert verdict(TRIALS, unread, busy()) is Verdict.VIOLATED
    assert verdict(TRIALS, unread, busy((11.35, 11.6))) is Verdict.INCONCLUSIVE
    turned_away = [*LAST_FAILURE, call(11.35), call(11.6)]
    assert verdict(TRIALS, turned_away, starved((11.3, 11.5))) is Verdict.VIOLATED
    assert verdict(TRIALS, turned_away, starved((11.25, 11.7))) is Verdict.INCONCLUSIVE


def test_failures_are_in_a_row_where_the_call_between_was_given_up() -> None:
    closed = UpstreamCalled(least=5, most=5, start=10.0, end=12.0, when="then", limits=PROMISED)
    events = [call(10.4, Source.LIVE), hit(10.401, 200), *failed(10.5), *GIVEN_UP, *failed(11.3), call(11.4)]
    assert verdict(closed, events, busy()) is Verdict.VIOLATED
    assert verdict(closed, events, busy((11.0, 11.25))) is Verdict.INCONCLUSIVE
    at_a_rate = [*events[:3], call(11.4, Source.LIVE), hit(11.401, 200), call(11.5), call(11.6)]
    assert verdict(closed, at_a_rate, busy((10.0, 12.0))) is Verdict.VIOLATED


def test_a_rate_is_reached_sooner_where_a_good_call_was_given_up() -> None:
    rate = OpenedAtRate(least=4, most=4, start=10.0, end=12.0, window=3.0, limits=PROMISED)
    events = [*failed(10.5), *GIVEN_UP, *failed(11.3), call(11.4), call(11.5)]
    assert verdict(rate, events, busy()) is Verdict.VIOLATED
    assert verdict(rate, events, busy((11.0, 11.25))) is Verdict.INCONCLUSIVE
