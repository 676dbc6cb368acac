from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.expectations import (
    AllTried,
    AnsweredWhileOpen,
    CallsAnswered,
    GivenUpWithin,
    OpenedAfter,
    OpenedAtRate,
    RodeOut,
    TurnedAwayWhileOpen,
    UpstreamCalled,
    UpstreamLeftAlone,
)
from chaos.expectations.breaker_model import Limits
from chaos.expectations.record import Waits
from chaos.journal import Attempt, Call, Event, Hit, Outcome, Sample, Source
from chaos.verdict import Verdict
from tests.unit.expectations.records import attempt, bite, healed, late, record, worker_late


def call(began: float, source: Source = Source.CACHED, *, took: float = 0.01) -> Call:
    return Call(at=began + took, began=began, source=source)


def hit(at: float, status: int = 500) -> Hit:
    return Hit(at=at, path="/data", status=status)


PROMISED = Limits(failure_threshold=5, recovery_timeout=0.5, success_threshold=2, call_timeout=0.4)

LIVE = CallsAnswered(sources=(Source.LIVE,), start=10.0, end=20.0, when="after one failure", limits=PROMISED)


def test_every_call_counts() -> None:
    assert LIVE.judge(record(call(11.0, Source.LIVE), call(12.0, Source.LIVE))).verdict is Verdict.HELD
    finding = LIVE.judge(record(call(11.0, Source.LIVE), call(12.0)))
    assert (finding.verdict, finding.observed) == (
        Verdict.VIOLATED,
        "1 of 2 calls after one failure got cached answers",
    )


def test_calls_outside_the_window_do_not_count() -> None:
    assert LIVE.judge(record(call(9.0))).verdict is Verdict.INCONCLUSIVE


def test_an_open_circuit_answers_at_once() -> None:
    quick = AnsweredWhileOpen(start=10.0, end=20.0, within=0.1)
    assert quick.judge(record(call(11.0))).verdict is Verdict.HELD
    assert quick.judge(record(call(11.0, took=0.5))).verdict is Verdict.VIOLATED


GIVEN_UP = GivenUpWithin(start=10.0, end=20.0, within=0.4)


def test_a_hanging_call_is_given_up_in_time() -> None:
    finding = GIVEN_UP.judge(record(call(11.0, took=0.3), hit(11.0, 0), call(12.0, took=0.01)))
    assert (finding.verdict, finding.figure) == (Verdict.HELD, "300ms")
    assert finding.observed == ("2 calls, 1 of which reached the hanging upstream, the slowest answered after 300ms")
    assert GIVEN_UP.judge(record(call(11.0, took=0.9), hit(11.0, 0))).verdict is Verdict.VIOLATED
    assert GIVEN_UP.judge(record(call(11.0, took=0.5), hit(11.0, 0), late(0.2))).verdict is Verdict.INCONCLUSIVE


def test_calls_that_never_hung_decide_nothing() -> None:
    assert GIVEN_UP.judge(record()).observed == "no call was made while the upstream hung"
    finding = GIVEN_UP.judge(record(call(11.0)))
    assert (finding.verdict, finding.observed) == (
        Verdict.INCONCLUSIVE,
        "none of 1 call reached the upstream, so none of them hung",
    )


OPENED = OpenedAfter(failures=5, start=10.0, end=20.0, limits=PROMISED)


def _failing(hits: int, calls: int = 8) -> list[Event]:
    return [*(call(11.0 + number) for number in range(calls)), *(hit(11.0 + number) for number in range(hits))]


def test_the_circuit_opens_at_its_threshold_neither_earlier_nor_later() -> None:
    assert OPENED.judge(record(*_failing(5))).verdict is Verdict.HELD
    assert OPENED.judge(record(*_failing(4))).verdict is Verdict.VIOLATED
    late = OPENED.judge(record(*_failing(6)))
    assert (late.verdict, late.observed) == (Verdict.VIOLATED, "6 of 8 calls reached the failing upstream")


def test_too_few_calls_decide_nothing() -> None:
    assert OPENED.judge(record(*_failing(5, calls=5))).verdict is Verdict.INCONCLUSIVE


ALONE = UpstreamLeftAlone(start=10.0, end=20.0, limits=PROMISED)


def test_an_open_circuit_leaves_the_upstream_alone() -> None:
    assert ALONE.judge(record(call(11.0))).verdict is Verdict.HELD
    finding = ALONE.judge(record(call(11.0), hit(11.0)))
    assert (finding.verdict, finding.figure) == (Verdict.VIOLATED, "1 hit")


def test_nobody_who_called_decides_nothing() -> None:
    assert ALONE.judge(record()).verdict is Verdict.INCONCLUSIVE
    assert ALONE.judge(record(attempt(began=11.0))).verdict is Verdict.HELD


def test_trials_are_bounded_on_both_sides() -> None:
    trials = UpstreamCalled(least=1, most=2, start=10.0, end=20.0, when="after the timeout", limits=PROMISED)
    assert trials.judge(record(hit(11.0))).verdict is Verdict.HELD
    assert trials.judge(record()).verdict is Verdict.VIOLATED
    assert trials.judge(record(hit(11.0), hit(12.0), hit(13.0))).verdict is Verdict.VIOLATED


def test_nobody_who_called_when_a_trial_was_due_decides_nothing() -> None:
    """A stall of ours may last from before the trial is due until after the window."""
    trials = UpstreamCalled(least=1, most=2, start=10.0, due=15.0, end=20.0, when="after the timeout", limits=PROMISED)
    early = trials.judge(record(call(11.0), call(14.9), call(20.1)))
    assert (early.verdict, early.observed) == (
        Verdict.INCONCLUSIVE,
        "0 calls reached the upstream after the timeout, and nobody called from when a trial was due",
    )
    assert trials.judge(record(call(15.0))).verdict is Verdict.VIOLATED
    assert trials.judge(record(call(11.0), hit(11.0), hit(12.0), hit(13.0))).verdict is Verdict.VIOLATED


def test_of_a_crowd_that_is_slow_to_ask_those_of_a_later_trial_are_none_too_many() -> None:
    """The first trial is due from 15.0 s on; the one that failed opens the circuit for as long again at the least."""
    later = PROMISED.recovery_timeout
    at_once = UpstreamCalled(
        least=1, most=1, start=10.0, due=15.0, at_once=True, end=30.0, when="when all ask at once", limits=PROMISED
    )
    assert at_once.judge(record(hit(15.1), hit(15.1 + later))).verdict is Verdict.HELD
    assert at_once.judge(record(hit(15.1), hit(15.0 + later))).verdict is Verdict.VIOLATED
    assert at_once.judge(record(hit(15.1), hit(15.1), hit(15.1 + later))).verdict is Verdict.VIOLATED
    assert at_once.judge(record()).verdict is Verdict.VIOLATED


AWAY = TurnedAwayWhileOpen(crowd="crowd", failures=2, open_for=20.0, failure_code=1011, open_code=1013, within=0.2)


def _comers(*codes: int | str) -> list[Attempt]:
    made = []
    for number, code in enumerate(codes):
        if code == "http":
            made.append(attempt(number, began=1.0 + number, outcome=Outcome.HTTP, status=503))
        elif code == "open":
            made.append(attempt(number, began=1.0 + number))
        else:
            made.append(attempt(number, began=1.0 + number, outcome=Outcome.CLOSED, code=int(code)))
    return made


def test_clients_are_turned_away_after_the_threshold() -> None:
    assert AWAY.judge(record(*_comers(1011, 1011, 1013, "http"))).verdict is Verdict.HELD


def test_a_breaker_that_never_opens_turns_nobody_away() -> None:
    finding = AWAY.judge(record(*_comers(1011, 1011, 1011, 1011)))
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed == "2 of 2 attempts beyond the threshold were not turned away: 1011, 1011, 1011, 1011"


def test_a_breaker_that_opens_early_or_lets_failures_in() -> None:
    assert AWAY.judge(record(*_comers(1011, 1013, 1013))).verdict is Verdict.VIOLATED
    assert AWAY.judge(record(*_comers("open", 1011, 1013))).verdict is Verdict.VIOLATED


def test_who_comes_when_a_trial_may_be_due_is_not_judged() -> None:
    """They come a second apart; a trial that fails is closed with the code of a failure, and rightly so."""
    trial = _comers(1011, 1011, 1013, 1011)
    assert AWAY.judge(record(*trial)).verdict is Verdict.VIOLATED
    assert replace(AWAY, open_for=3.0).judge(record(*trial)).verdict is Verdict.HELD
    late = replace(AWAY, open_for=1.0).judge(record(*trial))
    assert (late.verdict, late.observed) == (
        Verdict.INCONCLUSIVE,
        "nobody came within 500ms of the last failure, while it is surely open",
    )


TRIAL = (
    attempt(0, began=1.0, outcome=Outcome.CLOSED, code=1011),
    attempt(1, began=2.0, took=0.3, outcome=Outcome.CLOSED, code=1011),
    attempt(2, began=2.31, outcome=Outcome.CLOSED, code=1013),
    attempt(3, began=2.54, outcome=Outcome.CLOSED, code=1011),
)
"""It opened between 2.0 and 2.3; where it was tried again at 2.54, it had 0.24 s of its 0.5 s by the worker's word."""

SOON = replace(AWAY, open_for=0.5)


def test_a_trial_is_due_when_the_circuit_opened_and_not_when_its_worker_saw_that() -> None:
    assert SOON.judge(record(*TRIAL)).verdict is Verdict.VIOLATED
    assert SOON.judge(record(*TRIAL, worker_late(0.2, at=2.3))).verdict is Verdict.VIOLATED
    finding = SOON.judge(record(*TRIAL, worker_late(0.28, at=2.3)))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.observed == (
        "1 of 2 attempts beyond the threshold were not turned away: 1011, 1011, 1013, 1011, a breach within the "
        "reading's own uncertainty of 280ms: the crowd worker of 'crowd' was up to 280ms late"
    )


def test_no_circuit_opened_before_the_attempt_began_that_opened_it() -> None:
    sooner = attempt(3, began=2.49, outcome=Outcome.CLOSED, code=1011)
    assert SOON.judge(record(*TRIAL[:3], sooner, worker_late(0.9, at=2.3))).verdict is Verdict.VIOLATED
    let_in = attempt(3, began=2.54)
    assert SOON.judge(record(*TRIAL[:3], let_in, worker_late(0.28, at=2.3))).verdict is Verdict.VIOLATED


LOST_COMERS = {
    "the first": [attempt(0, outcome=Outcome.TIMEOUT, took=1.0), *_comers(1011, 1011, 1013, "http")[1:]],
    "one beyond": [*_comers(1011, 1011), attempt(2, began=3.0, outcome=Outcome.EOF, took=1.0)],
}


@pytest.mark.parametrize("which", LOST_COMERS)
def test_who_got_no_answer_for_reasons_of_ours_says_nothing_of_the_breaker(which: str) -> None:
    lost = LOST_COMERS[which]
    quiet = replace(record(*lost), waits=Waits(server=1.0, client=1.0))
    assert AWAY.judge(quiet).verdict is Verdict.VIOLATED
    stalled = [worker_late(0.6, at=number + 1.9) for number in range(3)]
    late = replace(record(*lost, *stalled), waits=quiet.waits)
    assert AWAY.judge(late).verdict is Verdict.INCONCLUSIVE
    # The one that got in is the server's, whoever was late.
    within = replace(record(*lost, attempt(9, began=1.5), *stalled), waits=quiet.waits)
    assert AWAY.judge(within).verdict is Verdict.VIOLATED


def test_with_the_breaker_off_who_got_no_answer_for_reasons_of_ours_says_nothing() -> None:
    lost = [*_comers(1011, 1011), attempt(2, began=3.0, outcome=Outcome.TIMEOUT, took=1.0)]
    waits = Waits(server=1.0, client=1.0)
    assert SWITCHED_OFF.judge(replace(record(*lost), waits=waits)).verdict is Verdict.VIOLATED
    late = replace(record(*lost, worker_late(0.6, at=3.9)), waits=waits)
    assert SWITCHED_OFF.judge(late).verdict is Verdict.INCONCLUSIVE
    away = replace(record(*lost, *_comers(1013), worker_late(0.6, at=3.9)), waits=waits)
    assert SWITCHED_OFF.judge(away).verdict is Verdict.VIOLATED


SWITCHED_OFF = AllTried(crowd="crowd", count=3, failure_code=1011)


def test_with_the_breaker_off_everybody_is_tried() -> None:
    finding = SWITCHED_OFF.judge(record(*_comers(1011, 1011, 1011)))
    assert (finding.verdict, finding.observed) == (Verdict.HELD, "3 of 3 closed with 1011")


def test_a_breaker_that_is_on_all_the_same_turns_away() -> None:
    finding = SWITCHED_OFF.judge(record(*_comers(1011, 1013, "http")))
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed == "2 of 3 attempts ended in another way: 1011, 1013, http 503"
    assert SWITCHED_OFF.judge(record(*_comers(1011, 1011))).verdict is Verdict.INCONCLUSIVE


RIDDEN = RodeOut(crowd="crowd", count=2, outage=1.0, within=3.0, success_ratio=1.0)
LOST = attempt(1, began=10.1, took=2.0, outcome=Outcome.CLOSED, code=1011)


def _outage(*others: Event, lasted: float = 0.5) -> tuple[Event, ...]:
    return (bite(10.0), healed(10.0 + lasted), attempt(0, began=10.1, took=0.7), *others)


def _starved(seconds: float) -> tuple[Event, ...]:
    """The server waited so long for a core while the attempts were made, and others kept both busy."""
    none = Sample(at=10.1, took=0.001, sockets={}, waited=0.0, busy=0.0, cpu=0.0, cores=2)
    return none, replace(none, at=12.1, waited=seconds, busy=2 * seconds)


def test_whoever_came_meanwhile_got_in_after_all() -> None:
    finding = RIDDEN.judge(record(*_outage(attempt(1, began=10.1, took=0.6))))
    assert (finding.verdict, finding.expectation) == (Verdict.HELD, "rode_out")
    assert finding.observed == "2/2 open, the slowest after 700ms; it was away for 500ms"


def test_whoever_was_told_of_a_failure_was_lost() -> None:
    finding = RIDDEN.judge(record(*_outage(LOST)))
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed == (
        "1 of 2 attempts got in; the others: 1 x closed with 1011 before the first message; it was away for 500ms"
    )
    assert finding.promised == (
        "all of 2 attempts open, first message within 3s, though the dependency is away for 1s meanwhile"
    )


def test_a_server_that_had_no_time_left_is_not_to_blame() -> None:
    assert RIDDEN.judge(record(*_outage(LOST, *_starved(0.4)))).verdict is Verdict.VIOLATED
    finding = RIDDEN.judge(record(*_outage(LOST, *_starved(0.6))))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.observed.endswith("of 600ms: others kept the server waiting 600ms for a core")
    hung = attempt(1, began=10.1, took=9.0, outcome=Outcome.TIMEOUT)
    assert RIDDEN.judge(record(*_outage(hung, *_starved(0.6)))).verdict is Verdict.VIOLATED


def test_an_outage_that_was_too_long_or_that_nobody_met_decides_nothing() -> None:
    assert RIDDEN.judge(record(*_outage(LOST, lasted=1.1))).verdict is Verdict.INCONCLUSIVE
    after = [attempt(number, began=11.0) for number in range(2)]
    finding = RIDDEN.judge(record(bite(10.0), healed(10.5), *after))
    assert (finding.verdict, finding.observed) == (Verdict.INCONCLUSIVE, "nobody came before the dependency was back")
    assert RIDDEN.judge(record(LOST)).verdict is Verdict.INCONCLUSIVE


AT_RATE = OpenedAtRate(least=3, most=4, start=10.0, end=20.0, window=2.0, limits=PROMISED)


@pytest.mark.parametrize(
    ("calls", "hits", "verdict", "observed"),
    [
        (4, 3, Verdict.INCONCLUSIVE, "4 calls made, more than 4 are needed"),
        (5, 3, Verdict.HELD, "3 of 5 calls reached the upstream"),
        (5, 4, Verdict.HELD, "4 of 5 calls reached the upstream"),
        (5, 2, Verdict.VIOLATED, "2 of 5 calls reached the upstream"),
        (6, 5, Verdict.VIOLATED, "5 of 6 calls reached the upstream"),
    ],
)
def test_a_rate_is_reached_by_so_many_calls(calls: int, hits: int, verdict: Verdict, observed: str) -> None:
    made = record(*(call(11.0 + n / 10) for n in range(calls)), *(hit(11.0 + n / 10) for n in range(hits)))
    finding = AT_RATE.judge(made)
    assert (finding.verdict, finding.observed) == (verdict, observed)
    assert finding.promised == "3 to 4 calls reach the upstream before the circuit opens at its failure rate"


def test_calls_that_took_longer_than_the_window_are_not_all_in_it() -> None:
    made = record(*(call(10.5 + n / 2) for n in range(6)), *(hit(10.5 + n / 2) for n in range(6)))
    finding = AT_RATE.judge(made)
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.observed == "6 of 6 calls reached the upstream, in 2.51s: longer than its window"
