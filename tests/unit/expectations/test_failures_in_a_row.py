"""Who may be turned away while establishments fail by turns."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.expectations import TurnedAwayForARow
from chaos.expectations.record import Waits
from chaos.journal import Attempt, Hit, Outcome
from chaos.verdict import Finding, Verdict
from tests.unit.expectations.records import attempt, record, worker_late

FAILURES = 2


def comer(number: int, how: str) -> Attempt:
    """In, failed, turned away, or lost."""
    match how:
        case "in":
            return attempt(number, began=1.0 + number)
        case "failed":
            return attempt(number, began=1.0 + number, outcome=Outcome.CLOSED, code=1011)
        case "closed":
            return attempt(number, began=1.0 + number, outcome=Outcome.CLOSED, code=1013)
        case "503":
            return attempt(number, began=1.0 + number, outcome=Outcome.HTTP, status=503)
        case "late":
            return attempt(number, began=1.0 + number, outcome=Outcome.TIMEOUT, status=None)
    return attempt(number, began=1.0 + number, outcome=Outcome.RESET, status=None)


def judged(*ways: str, failing: int | None = None, count: int | None = None) -> Finding:
    attempts = [comer(number, how) for number, how in enumerate(ways)]
    failed = [each.began for each, how in zip(attempts, ways, strict=True) if how == "failed"]
    if failing is not None:
        failed = [1.001 + number for number in range(failing)]
    hits = [Hit(at=at, path="/session", status=500) for at in failed]
    expectation = TurnedAwayForARow(
        crowd="crowd",
        count=len(ways) if count is None else count,
        failures=FAILURES,
        failure_code=1011,
        open_code=1013,
    )
    return expectation.judge(record(*attempts, *hits))


def test_each_is_tried() -> None:
    found = judged("in", "failed", "in", "failed")
    assert (found.verdict, found.figure) == (Verdict.HELD, "2/4 in")
    assert found.observed == "2 of 4 got in, while the upstream failed 2 times; nobody was turned away"
    assert found.promised == "nobody is turned away before 2 establishments in a row failed"


def test_who_tries_again_lets_everybody_in() -> None:
    assert judged("in", "in", "in", failing=3).verdict is Verdict.HELD


@pytest.mark.parametrize("away", ["closed", "503"])
def test_turned_away_though_a_success_came_between(away: str) -> None:
    found = judged("in", "failed", "in", "failed", away)
    assert found.verdict is Verdict.VIOLATED
    assert (
        found.observed
        == "2 of 5 got in, while the upstream failed 2 times; number 5 was turned away after 1 failure in a row"
    )


def test_turned_away_after_a_row_is_as_promised_and_says_nothing() -> None:
    found = judged("in", "failed", "failed", "503", "503")
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.observed == (
        "1 of 5 got in, while the upstream failed 2 times; number 4 was turned away, after 2 failures in a row indeed"
    )


def test_another_end_is_neither() -> None:
    found = judged("in", "lost")
    assert found.verdict is Verdict.VIOLATED
    assert found.observed == "1 of 2 got in, while the upstream failed 0 times; number 2 ended with reset"


def test_another_end_may_be_ours() -> None:
    """The worker stood still for most of what the server waits for."""
    waits = Waits(server=1.0, client=1.0)
    lost = replace(comer(1, "lost"), at=3.0)
    events = (comer(0, "in"), lost, worker_late(0.6, at=2.8))
    expectation = TurnedAwayForARow(crowd="crowd", count=2, failures=2, failure_code=1011, open_code=1013)
    assert expectation.judge(replace(record(*events[:2]), waits=waits)).verdict is Verdict.VIOLATED
    found = expectation.judge(replace(record(*events), waits=waits))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.observed == (
        "1 of 2 got in, while the upstream failed 0 times; number 2 ended with reset, a breach within the reading's "
        "own uncertainty of 600ms: the crowd worker of 'crowd' was up to 600ms late"
    )


@pytest.mark.parametrize(
    ("ways", "failing", "count", "why"),
    [
        (("in", "failed", "in"), 1, 3, "2 of 3 got in, while the upstream failed 1 time; 2 are needed to tell"),
        (
            ("failed", "failed"),
            2,
            2,
            "0 of 2 got in, while the upstream failed 2 times, so that no success came between failures",
        ),
        (("in", "late"), 2, 2, "1 of 2 got in, while the upstream failed 2 times; number 2 got no answer"),
        (("in",), 2, 2, "only 1 of 2 attempts were recorded"),
    ],
)
def test_what_says_nothing(ways: tuple[str, ...], failing: int, count: int, why: str) -> None:
    found = judged(*ways, failing=failing, count=count)
    assert (found.verdict, found.observed) == (Verdict.INCONCLUSIVE, why)
