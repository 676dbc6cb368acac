"""Whom we kept silent, or whose answer we were too late to see, was not failed by the server for certain."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.bounds import least_wait, patience
from chaos.contract import Contract, RejectionAnswer
from chaos.expectations import (
    ClosedWhenIdle,
    Established,
    Expectation,
    Record,
    RecoveredWithin,
    RejectedGracefully,
    RoundTripsWithin,
    StayedAfterUpgrade,
    Undisturbed,
)
from chaos.expectations.record import Waits
from chaos.journal import Ended, Event, Outcome, Traffic
from chaos.verdict import Verdict
from tests.unit.expectations.records import attempt, ended, healed, late, made, record, sample, worker_late

WAITS = Waits(server=0.8, client=3.0)
"""A heartbeat timeout of 0.8 s, and clients that wait 3 s for an answer."""
IN = (made(pid=7), attempt())
STAYS = Undisturbed(crowd="crowd")
CUT = ended(at=12.0, code=1011)
TRIPS = RoundTripsWithin(
    wanted=9, sent=9, answered=8, round_trips=(0.01,) * 8, p99=0.1, crowd="crowd", start=10.0, end=15.0
)


def judged(asked: Expectation, *events: Event, waits: Waits = WAITS) -> tuple[Verdict, str]:
    finding = asked.judge(replace(record(*events), waits=waits))
    return finding.verdict, finding.observed


def given_up(at: float = 14.0, *, missing: int = 1) -> Traffic:
    """The second before a time, in which exchanges were given up for which nothing had come."""
    return Traffic(
        at=at, crowd="crowd", began=at - 1, sent=9, received=8, pings=0, answered=8, wrong=0, missing=missing
    )


# -- cut off ------------------------------------------------------------------------------------------------------


def test_one_that_our_own_worker_kept_silent_may_have_been_given_up_rightly() -> None:
    verdict, observed = judged(STAYS, *IN, CUT, worker_late(1.5, at=12.2))
    assert verdict is Verdict.INCONCLUSIVE
    assert observed == (
        "1 of 1 untouched clients were cut off, the first by close 1011, a breach within the reading's own uncertainty "
        "of 1.5s: the crowd worker of 'crowd' was up to 1.5s late"
    )


@pytest.mark.parametrize(
    "more",
    [
        pytest.param([worker_late(1.5, at=10.0)], id="well before"),
        pytest.param([worker_late(1.5, at=14.0)], id="after it"),
        pytest.param([worker_late(0.3, at=11.9)], id="for less than half of what the server waits"),
        pytest.param([worker_late(1.5, at=12.2, pid=8), made("others", pid=8)], id="another crowd's worker"),
    ],
)
def test_what_was_not_so_when_it_was_cut_off_excuses_nothing(more: list[Event]) -> None:
    assert judged(STAYS, *IN, CUT, *more)[0] is Verdict.VIOLATED


def test_one_for_whom_nothing_was_late_is_the_server_s_beside_one_who_is_not() -> None:
    late_one = [CUT, worker_late(1.5, at=12.2), made("crowd", pid=7)]
    verdict, observed = judged(STAYS, *IN, attempt(1), *late_one, ended(1, at=30.0, code=1011))
    assert verdict is Verdict.VIOLATED
    assert observed.startswith("1 of 2 untouched clients were cut off")


def test_the_conductor_that_was_to_have_it_say_something_counts_too() -> None:
    assert judged(STAYS, *IN, CUT, late(0.9, at=12.1))[0] is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    "end",
    [replace(CUT, how="invalid", code=None), *(replace(CUT, code=code) for code in (1002, 1003, 1007, 1009, 1010))],
    ids=lambda end: f"{end.how} {end.code}",
)
def test_what_breaks_the_protocol_or_blames_what_was_sent_is_no_giving_up(end: Ended) -> None:
    assert judged(STAYS, *IN, end, worker_late(1.5, at=12.2))[0] is Verdict.VIOLATED


def test_where_nobody_knows_how_long_the_server_waits_nothing_is_excused() -> None:
    assert judged(STAYS, *IN, CUT, worker_late(1.5, at=12.2), waits=Waits())[0] is Verdict.VIOLATED


# -- not answered -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [STAYS, TRIPS])
def test_an_answer_that_our_worker_may_have_been_too_late_for(asked: Expectation) -> None:
    assert judged(asked, *IN, given_up(), worker_late(1.6, at=13.0))[0] is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("asked", [STAYS, TRIPS])
@pytest.mark.parametrize(
    "more",
    [
        pytest.param([given_up(), worker_late(1.4, at=13.0)], id="for less than half of what was waited"),
        pytest.param([given_up(), worker_late(1.6, at=9.0)], id="before it was waited for"),
        pytest.param([given_up(), given_up(30.0), worker_late(1.6, at=13.0)], id="another one without"),
    ],
)
def test_an_answer_that_did_not_come_in_a_time_that_was_the_server_s(asked: Expectation, more: list[Event]) -> None:
    if isinstance(asked, RoundTripsWithin):
        asked = replace(asked, answered=9 - len([each for each in more if isinstance(each, Traffic)]), end=31.0)
        asked = replace(asked, round_trips=(0.01,) * asked.answered)
    assert judged(asked, *IN, *more)[0] is Verdict.VIOLATED


def test_a_wrong_answer_is_the_server_s_however_late_we_were() -> None:
    wrong = replace(given_up(missing=0), wrong=1)
    assert judged(STAYS, *IN, wrong, worker_late(1.6, at=13.0))[0] is Verdict.VIOLATED
    assert judged(TRIPS, *IN, wrong, worker_late(1.6, at=13.0))[0] is Verdict.VIOLATED


# -- not let in ---------------------------------------------------------------------------------------------------

ESTABLISHED = Established(crowd="crowd", count=2, within=1.0, success_ratio=1.0)
AGAIN = RecoveredWithin(crowd="crowd", count=2, limit=1.0)


def without_the_second(outcome: Outcome, *more: Event, status: int | None = None) -> list[Event]:
    """Of two who come after the healing one gets in."""
    second = attempt(1, began=21.0, took=3.0, outcome=outcome, status=status)
    return [made(pid=7), healed(20.0), attempt(0, began=21.0), second, *more]


@pytest.mark.parametrize("asked", [ESTABLISHED, AGAIN])
@pytest.mark.parametrize("outcome", [Outcome.TIMEOUT, Outcome.EOF, Outcome.RESET, Outcome.CLOSED])
def test_one_that_our_worker_was_too_late_for_may_have_been_let_in(asked: Expectation, outcome: Outcome) -> None:
    assert judged(asked, *without_the_second(outcome, worker_late(1.6, at=23.0)))[0] is Verdict.INCONCLUSIVE
    assert judged(asked, *without_the_second(outcome, worker_late(1.6, at=20.0)))[0] is Verdict.VIOLATED
    assert judged(asked, *without_the_second(outcome))[0] is Verdict.VIOLATED


@pytest.mark.parametrize("asked", [ESTABLISHED, AGAIN])
@pytest.mark.parametrize(("outcome", "status"), [(Outcome.HTTP, 503), (Outcome.REFUSED, None), (Outcome.INVALID, 101)])
def test_a_refusal_is_the_server_s_however_late_we_were(
    asked: Expectation, outcome: Outcome, status: int | None
) -> None:
    events = without_the_second(outcome, worker_late(1.6, at=23.0), status=status)
    assert judged(asked, *events)[0] is Verdict.VIOLATED


BURST = RejectedGracefully(crowd="crowd", free=1, answer=RejectionAnswer.HTTP_503, within=5.0, retry_after=False)


@pytest.mark.parametrize("outcome", [Outcome.TIMEOUT, Outcome.EOF, Outcome.RESET])
def test_one_that_our_worker_was_too_late_for_may_have_been_turned_away(outcome: Outcome) -> None:
    assert judged(BURST, *without_the_second(outcome, worker_late(1.6, at=23.0)))[0] is Verdict.INCONCLUSIVE
    assert judged(BURST, *without_the_second(outcome))[0] is Verdict.VIOLATED
    several = replace(BURST, free=2)
    third = attempt(2, began=21.0, outcome=Outcome.HTTP, status=503)
    assert judged(several, *without_the_second(outcome, third, worker_late(1.6, at=23.0)))[0] is Verdict.INCONCLUSIVE
    assert judged(several, *without_the_second(outcome, third))[0] is Verdict.VIOLATED


def test_one_that_we_kept_silent_may_have_been_cut_off_after_its_101() -> None:
    stayed = StayedAfterUpgrade(crowd="crowd", quiet=2.0)
    soon = ended(at=2.5, code=1011)
    assert judged(stayed, *IN, soon, worker_late(1.0, at=2.6))[0] is Verdict.INCONCLUSIVE
    assert judged(stayed, *IN, soon)[0] is Verdict.VIOLATED
    assert judged(stayed, *IN, attempt(1), soon, ended(1, at=1.2), worker_late(0.5, at=2.6))[0] is Verdict.VIOLATED


def test_one_that_never_came_is_not_excused_by_lateness() -> None:
    events = [made(pid=7), healed(20.0), attempt(0, began=21.0), worker_late(1.6, at=23.0)]
    assert judged(AGAIN, *events)[0] is Verdict.VIOLATED


# -- never closed -------------------------------------------------------------------------------------------------

IDLE = ClosedWhenIdle(crowd="crowd", timeout=2.0, slack=0.5)


@pytest.mark.parametrize(
    ("events", "verdict"),
    [
        ([sample(3.4, 1)], Verdict.INCONCLUSIVE),
        ([sample(4.0, 1)], Verdict.VIOLATED),
        ([sample(4.0, 1), worker_late(0.6, at=3.5)], Verdict.INCONCLUSIVE),
        ([sample(6.0, 1), worker_late(0.6, at=3.5)], Verdict.VIOLATED),
    ],
    ids=["nobody looked longer", "long enough", "we were late", "we were not that late"],
)
def test_an_idle_client_that_is_still_there(events: list[Event], verdict: Verdict) -> None:
    assert judged(IDLE, *IN, *events)[0] is verdict


# -- for how long the server waits --------------------------------------------------------------------------------


def test_it_waits_as_long_as_the_shortest_of_its_promises() -> None:
    promises = Contract.model_validate(
        {"liveness": {"heartbeat_timeout": "800ms", "idle_timeout": "2s"}, "survival": {"header_timeout": "1s"}}
    )
    assert least_wait(promises) == pytest.approx(0.8)


def test_where_it_promises_nothing_of_the_kind_it_is_taken_to_wait_as_long_as_we_do() -> None:
    promises = Contract.model_validate({"liveness": {"heartbeat_interval": "1s"}})
    assert least_wait(promises) == pytest.approx(patience(promises))


def test_a_record_excuses_nothing_by_waits_that_nobody_told() -> None:
    assert Record(record(*IN).journal).waits == Waits()
