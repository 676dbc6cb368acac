"""Alerts: raised in time, gone in time, and never for nothing."""

from __future__ import annotations

import pytest

from chaos.expectations import AlertGone, AlertNotRaised, AlertRaised
from chaos.journal import Event, Statistics
from chaos.verdict import Verdict
from tests.unit.expectations.records import late, record

RAISED = AlertRaised(alert="high", why="81 of 100 places are taken", start=10.0, end=11.0, within=0.3)
GONE = AlertGone(alert="high", why="everybody has left", start=20.0, within=0.3)
NOT_RAISED = AlertNotRaised(alert="high", why="79 of 100 places are taken", end=10.0)


def said(at: float, alerts: str, *, took: float = 0.001) -> Statistics:
    return Statistics(at=at, values={"alerts": alerts}, took=took)


@pytest.mark.parametrize(
    ("readings", "verdict", "observed"),
    [
        ((said(10.1, ""), said(10.2, "high")), Verdict.HELD, "shown after 200ms"),
        ((said(10.2, "low,high,higher"),), Verdict.HELD, "shown after 200ms"),
        # Between 0.25 and 0.6 s nobody asked: that it was raised too late, nobody knows.
        ((said(10.25, ""), said(10.6, "high")), Verdict.HELD, "shown after 600ms"),
        ((said(10.4, ""), said(10.45, "high")), Verdict.VIOLATED, "shown after 450ms"),
        (
            (said(10.2, "higher"), said(10.8, "higher")),
            Verdict.VIOLATED,
            "799ms after 81 of 100 places are taken, what is shown is 'higher'",
        ),
        (
            (said(10.1, "high"), said(10.8, "")),
            Verdict.VIOLATED,
            "799ms after 81 of 100 places are taken, what is shown is no alert at all",
        ),
        (
            (said(10.1, ""), said(10.2, "")),
            Verdict.INCONCLUSIVE,
            "199ms after 81 of 100 places are taken, what is shown is no alert at all, and nobody looked longer",
        ),
        # What was asked before it, and what was answered after it, says nothing.
        ((said(10.1, "high", took=0.2), said(11.1, "high")), Verdict.INCONCLUSIVE, "the server's alerts could not"),
        ((), Verdict.INCONCLUSIVE, "the server's alerts could not be read: nobody asked"),
    ],
)
def test_an_alert_is_raised(readings: tuple[Event, ...], verdict: Verdict, observed: str) -> None:
    finding = RAISED.judge(record(*readings))
    assert finding.observed.startswith(observed)
    assert finding.verdict is verdict
    assert finding.promised == ("'high' is shown within 300ms of when 81 of 100 places are taken, until no more so")


def test_one_that_was_never_raised_is_told_from_one_that_went_too_early() -> None:
    assert RAISED.judge(record(said(10.8, ""))).figure == "never raised"
    assert RAISED.judge(record(said(10.1, "high"), said(10.8, ""))).figure == "gone too early"


def test_why_nothing_could_be_read_is_said() -> None:
    failed = Statistics(at=10.5, values={}, error="GET /stats: refused")
    assert RAISED.judge(record(failed)).observed == "the server's alerts could not be read: GET /stats: refused"


@pytest.mark.parametrize(
    ("readings", "verdict", "observed"),
    [
        ((said(20.1, "high"), said(20.2, "")), Verdict.HELD, "gone after 200ms"),
        ((said(20.1, "higher"),), Verdict.HELD, "gone after 100ms"),
        ((said(20.5, "high"), said(20.55, "")), Verdict.VIOLATED, "gone after 550ms"),
        # Once gone is not gone for good.
        ((said(20.1, ""), said(20.5, "high"), said(20.6, "")), Verdict.VIOLATED, "gone after 600ms"),
        ((said(20.7, "high"),), Verdict.VIOLATED, "699ms after everybody has left, what is shown is 'high'"),
        (
            (said(20.2, "high"),),
            Verdict.INCONCLUSIVE,
            "199ms after everybody has left, what is shown is 'high', and nobody looked longer",
        ),
        ((said(19.9, ""),), Verdict.INCONCLUSIVE, "the server's alerts could not be read: nobody asked"),
    ],
)
def test_an_alert_is_gone(readings: tuple[Event, ...], verdict: Verdict, observed: str) -> None:
    finding = GONE.judge(record(*readings))
    assert (finding.verdict, finding.observed) == (verdict, observed)
    assert finding.promised == "'high' is shown no more within 300ms of when everybody has left"


@pytest.mark.parametrize("judge", [RAISED, GONE])
def test_the_harness_s_own_lateness_is_taken_off(judge: AlertRaised | AlertGone) -> None:
    wrong, right = ("", "high") if judge is RAISED else ("high", "")
    events = (said(judge.start + 0.5, wrong), said(judge.start + 0.55, right))
    assert judge.judge(record(*events)).verdict is Verdict.VIOLATED
    finding = judge.judge(record(*events, late(0.25, at=judge.start + 0.5)))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.observed.endswith("the reading's own uncertainty of 250ms: the conductor was up to 250ms late")


def test_an_alert_is_not_raised_for_nothing() -> None:
    finding = NOT_RAISED.judge(record(said(5.0, "low"), said(9.0, "higher"), said(10.1, "high")))
    assert (finding.verdict, finding.observed) == (Verdict.HELD, "none of 2 readings shows it")
    finding = NOT_RAISED.judge(record(said(5.0, "low"), said(9.0, "low,high"), said(9.5, "")))
    assert (finding.verdict, finding.figure) == (Verdict.VIOLATED, "raised for nothing")
    assert finding.observed == "1 of 3 readings show it where 79 of 100 places are taken; the first shows 'low,high'"
    assert finding.promised == "'high' is not shown where 79 of 100 places are taken"
    assert NOT_RAISED.judge(record(said(10.1, ""))).verdict is Verdict.INCONCLUSIVE
