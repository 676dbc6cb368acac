from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from chaos.expectations.base import Expectation, Provided, Record, Uncertainty, against_limit, judge_all, quantile
from chaos.expectations.record import blame
from chaos.verdict import Finding, Verdict
from tests.unit.expectations.records import late, record, sample


@pytest.mark.parametrize(
    ("observed", "verdict"),
    [
        (0.9, Verdict.HELD),
        (1.0, Verdict.HELD),
        (1.05, Verdict.INCONCLUSIVE),
        (1.1, Verdict.INCONCLUSIVE),
        (1.11, Verdict.VIOLATED),
    ],
)
def test_a_breach_within_the_uncertainty_is_inconclusive(observed: float, verdict: Verdict) -> None:
    assert against_limit(observed, 1.0, uncertainty=0.1000001) is verdict


@pytest.mark.parametrize(
    ("took", "observed"),
    [(3.004, "released after it, 4ms more"), (3.2, "released after it"), (2.999, "released after it")],
)
def test_a_breach_that_rounding_would_hide_is_told(took: float, observed: str) -> None:
    finding = Crashing().by_limit(record(), took, 3.0, observed="released after it", promised="within 3s")
    assert finding.observed == observed


def test_uncertainty_is_lateness_and_for_sampled_durations_the_widest_gap() -> None:
    made = record(late(0.02), late(0.3), sample(1.0, 1), sample(1.05, 1), sample(1.25, 1))
    assert made.conductor_late().seconds == 0.3
    assert made.sampled(1.0, 2.0).seconds == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("may_be_ours", "told", "seconds"),
    [
        ({}, ["a", "b", "c"], None),
        ({"a": 0.1, "c": 0.3}, ["b"], None),
        ({"a": 0.1, "b": 0.3, "c": 0.2}, ["a", "b", "c"], 0.3),
    ],
    ids=["none is ours", "one is not ours", "each may be ours"],
)
def test_those_are_told_of_that_nothing_of_ours_explains(
    may_be_ours: dict[str, float], told: list[str], seconds: float | None
) -> None:
    causes = {each: Uncertainty.late("the crowd", lateness) for each, lateness in may_be_ours.items()}
    those, ours = blame("abc", causes.get)
    assert (those, None if ours is None else ours.seconds) == (told, seconds)
    finding = Crashing().breached("late", "in time", ours, figure="3 late", evidence=those)
    assert (finding.verdict, finding.figure) == (
        Verdict.VIOLATED if seconds is None else Verdict.INCONCLUSIVE,
        "3 late",
    )
    assert blame([], causes.get) == ([], None)


def test_quantile_is_the_nearest_rank() -> None:
    values = [float(number) for number in range(1, 101)]
    assert quantile(values, 0.5) == 50
    assert quantile(values, 0.99) == 99
    assert quantile(values, 1.0) == 100
    with pytest.raises(ValueError, match="no values, so no quantile"):
        quantile([], 0.5)


@dataclass(frozen=True, slots=True)
class Crashing(Expectation):
    name: ClassVar[str] = "crashing"

    def judge(self, record: Record) -> Finding:
        raise KeyError("sockets")


def test_a_judge_that_crashes_is_inconclusive_and_says_where() -> None:
    (finding,) = judge_all([Crashing()], record())
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.observed == "the judge crashing crashed: KeyError: 'sockets'"
    assert "raise KeyError" in finding.evidence[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finds(Expectation):
    name: ClassVar[str] = "finds"
    verdict: Verdict
    what: str

    def judge(self, record: Record) -> Finding:
        return Finding(expectation=self.name, verdict=self.verdict, observed=self.what, promised="all")


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (Verdict.HELD, (Verdict.VIOLATED, "somebody was cut")),
        (Verdict.INCONCLUSIVE, (Verdict.INCONCLUSIVE, "it took too long")),
        (Verdict.VIOLATED, (Verdict.VIOLATED, "it took too long")),
    ],
)
def test_where_the_condition_is_not_held_it_is_all_that_is_said(condition: Verdict, found: tuple[Verdict, str]) -> None:
    provided = Provided(
        condition=Finds(verdict=condition, what="it took too long"),
        then=Finds(verdict=Verdict.VIOLATED, what="somebody was cut"),
    )
    finding = provided.judge(record())
    assert (finding.verdict, finding.observed) == found


@pytest.mark.parametrize(
    ("then", "found"),
    [(Verdict.HELD, (Verdict.HELD, "all stayed")), (Verdict.VIOLATED, (Verdict.INCONCLUSIVE, "longer"))],
)
def test_who_stood_more_than_was_asked_for_stood_that(then: Verdict, found: tuple[Verdict, str]) -> None:
    provided = Provided(
        condition=Finds(verdict=Verdict.INCONCLUSIVE, what="longer"),
        then=Finds(verdict=then, what="all stayed"),
        or_more=True,
    )
    finding = provided.judge(record())
    assert (finding.verdict, finding.observed) == found
