"""A server of several processes that has lost one."""

from __future__ import annotations

from dataclasses import replace

from chaos.expectations import WorkerReplaced
from chaos.journal import Holders, ProcessLost
from chaos.verdict import Verdict
from tests.unit.expectations.records import attempt, ended, record

WANTED = WorkerReplaced(crowd="crowd", sent=2, answered=2, newcomers=("first", "second"), limit=4.0)
LOST = ProcessLost(at=10.1, since=10.0, pid=7, crowd="crowd", clients=(0,), left=(1, 8, 9))
INSIDE = [attempt(0), attempt(1), attempt(2), ended(0, at=10.05, how="eof", code=None)]
FIRST = [
    attempt(0, crowd="first", began=11.0),
    Holders(at=11.1, crowd="first", serving=(8, 9), held={"0": 8}),
]


def _second(*, began: float, pid: int, serving: tuple[int, ...] = (8, 9, 12)) -> list[object]:
    return [
        attempt(0, crowd="second", began=began, took=0.0),
        Holders(at=began + 0.1, crowd="second", serving=serving, held={"0": pid}),
    ]


def _judged(*events: object, wanted: WorkerReplaced = WANTED) -> tuple[Verdict, str]:
    finding = wanted.judge(record(*INSIDE, LOST, *FIRST, *events))  # type: ignore[arg-type]
    return finding.verdict, finding.observed


def test_a_new_worker_that_serves_in_time_holds() -> None:
    assert _judged(*_second(began=13.0, pid=12)) == (
        Verdict.HELD,
        "2 clients of other workers stayed, and a new one served a newcomer 3s after",
    )


def test_one_that_serves_too_late_is_a_breach() -> None:
    assert _judged(*_second(began=15.0, pid=12))[0] is Verdict.VIOLATED


def test_none_in_its_place_is_named() -> None:
    assert _judged(*_second(began=15.0, pid=9, serving=(8, 9))) == (
        Verdict.VIOLATED,
        "nothing has taken the place of the worker that died 5.1s ago: 2 take connections, none of them new",
    )


def test_one_to_which_nobody_came_is_undecided() -> None:
    assert _judged(*_second(began=15.0, pid=9)) == (
        Verdict.INCONCLUSIVE,
        "a new worker is there, and none of 2 newcomers in 5.1s came to it",
    )


def test_newcomers_who_came_for_too_short_decide_nothing() -> None:
    assert _judged() == (Verdict.INCONCLUSIVE, "newcomers came for 1.1s only")


def test_a_client_of_another_worker_that_loses_its_connection_is_a_breach() -> None:
    assert _judged(*_second(began=13.0, pid=12), ended(1, at=10.5, how="reset", code=None)) == (
        Verdict.VIOLATED,
        "of 2 clients whom other workers served 1 lost their connection and 0 had no answer",
    )


def test_a_client_of_another_worker_that_is_not_answered_is_a_breach() -> None:
    assert _judged(*_second(began=13.0, pid=12), wanted=replace(WANTED, answered=1)) == (
        Verdict.VIOLATED,
        "of 2 clients whom other workers served 0 lost their connection and 1 had no answer",
    )


def test_nothing_is_decided_where_no_worker_died_or_it_served_everybody() -> None:
    assert WANTED.judge(record(*INSIDE)).verdict is Verdict.INCONCLUSIVE
    assert WANTED.judge(record(*INSIDE, replace(LOST, clients=(0, 1, 2)))).verdict is Verdict.INCONCLUSIVE
    assert WANTED.judge(record(LOST)).verdict is Verdict.INCONCLUSIVE
