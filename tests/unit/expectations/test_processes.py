"""A server of several processes that has lost one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.expectations import WorkerRecycled, WorkerReplaced
from chaos.expectations.record import Waits
from chaos.journal import Event, Holders, Outcome, ProcessLost, Traffic
from chaos.verdict import Verdict
from tests.unit.expectations.records import attempt, ended, reading, record

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


def had_no_core(seconds: float, *, since: float, until: float) -> list[Event]:
    """The server waited for a core for so many seconds between two times, while others had both."""
    last = reading(until, waited=1.0 + seconds, busy=50.0 + 2 * (until - since))
    return [reading(since, waited=1.0, busy=50.0), last]


@pytest.mark.parametrize(("seconds", "verdict"), [(1.0, Verdict.VIOLATED), (1.2, Verdict.INCONCLUSIVE)])
def test_one_that_may_be_on_its_way_yet_on_a_busy_machine_is_undecided(seconds: float, verdict: Verdict) -> None:
    """5.1 s after the death, where 4 s are promised: it may have been there in time with the cores of the others."""
    starved = had_no_core(seconds, since=10.0, until=15.1)
    found, observed = _judged(*_second(began=15.0, pid=9, serving=(8, 9)), *starved)
    assert found is verdict
    assert observed.startswith("nothing has taken the place of the worker that died 5.1s ago")


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


WAITS = Waits(server=0.8, client=3.0)
CUT_OFF = ended(1, at=12.0, how="reset", code=None)
NO_ANSWER = Traffic(at=16.0, crowd="crowd", began=15.0, sent=2, received=1, pings=0, answered=1, wrong=0, missing=1)


@pytest.mark.parametrize(
    ("starved", "verdict"),
    [
        ([], Verdict.VIOLATED),
        (had_no_core(0.3, since=11.0, until=12.1), Verdict.VIOLATED),
        (had_no_core(0.5, since=11.0, until=12.1), Verdict.INCONCLUSIVE),
        (had_no_core(0.5, since=8.0, until=9.0), Verdict.VIOLATED),
    ],
)
def test_who_is_given_up_while_the_server_had_no_core_was_not_hurt_by_a_worker(
    starved: list[Event], verdict: Verdict
) -> None:
    events = [*INSIDE, LOST, *FIRST, *_second(began=13.0, pid=12), CUT_OFF, *starved]  # type: ignore[list-item]
    seen = replace(record(*events), waits=WAITS)
    finding = WANTED.judge(seen)
    assert (finding.verdict, finding.figure) == (verdict, "1/2 hurt")
    young = replace(seen, waits=replace(WAITS, server=5.0))
    assert WANTED.judge(young).verdict is Verdict.VIOLATED, "most of what it waits for is more than that"


@pytest.mark.parametrize(
    ("answered", "starved", "verdict"),
    [
        (1, [], Verdict.VIOLATED),
        (1, had_no_core(1.4, since=12.0, until=16.0), Verdict.VIOLATED),
        (1, had_no_core(1.6, since=12.0, until=16.0), Verdict.INCONCLUSIVE),
        (0, had_no_core(1.6, since=12.0, until=16.0), Verdict.VIOLATED),
    ],
)
def test_who_had_no_answer_while_the_server_had_no_core_was_not_hurt_by_a_worker(
    answered: int, starved: list[Event], verdict: Verdict
) -> None:
    """Each of them that is missing has to be one that may be ours."""
    events = [*INSIDE, LOST, *FIRST, *_second(began=13.0, pid=12), NO_ANSWER, *starved]  # type: ignore[list-item]
    seen = replace(record(*events), waits=WAITS)
    assert replace(WANTED, answered=answered).judge(seen).verdict is verdict
    came = [BEFORE, *CAME, BY_AN_OLD_ONE, TOLD, BY_A_NEW_ONE, AFTERWARDS]
    inside = [attempt(0), attempt(1), attempt(2)]
    recycled = replace(record(*inside, *came, NO_ANSWER, *starved), waits=WAITS)
    assert replace(RECYCLED, answered=answered).judge(recycled).verdict is verdict


def test_nothing_is_decided_where_no_worker_died_or_it_served_everybody() -> None:
    assert WANTED.judge(record(*INSIDE)).verdict is Verdict.INCONCLUSIVE
    assert WANTED.judge(record(*INSIDE, replace(LOST, clients=(0, 1, 2)))).verdict is Verdict.INCONCLUSIVE
    assert WANTED.judge(record(LOST)).verdict is Verdict.INCONCLUSIVE


def test_a_newcomer_who_is_not_served_is_a_breach() -> None:
    turned_away = attempt(1, crowd="second", began=12.0, outcome=Outcome.REFUSED)
    assert _judged(*_second(began=13.0, pid=12), turned_away) == (
        Verdict.VIOLATED,
        "1 of 3 newcomers were not served",
    )


NOT_IN_TIME = attempt(1, crowd="second", began=12.0, took=4.0, outcome=Outcome.TIMEOUT, phase="handshake")


@pytest.mark.parametrize(
    ("kept_waiting", "verdict", "observed"),
    [
        (1.9, Verdict.VIOLATED, "1 of 3 newcomers were not served"),
        (
            2.1,
            Verdict.INCONCLUSIVE,
            "1 of 3 newcomers were not served, a breach within the reading's own uncertainty of 2.1s: others kept the "
            "server waiting 2.1s for a core",
        ),
    ],
)
def test_a_newcomer_who_waited_while_the_server_had_no_core_for_most_of_it_decides_nothing(
    kept_waiting: float, verdict: Verdict, observed: str
) -> None:
    starved = had_no_core(kept_waiting, since=12.0, until=16.0)
    assert _judged(*_second(began=13.0, pid=12), NOT_IN_TIME, *starved) == (verdict, observed)
    came = [BEFORE, *CAME, NOT_IN_TIME, BY_AN_OLD_ONE, TOLD, BY_A_NEW_ONE, AFTERWARDS]
    assert _recycled(*came, *starved) == (verdict, observed)


def test_one_that_was_turned_away_was_whoever_had_the_cores() -> None:
    starved = had_no_core(4.0, since=12.0, until=16.0)
    turned_away = attempt(2, crowd="second", began=12.0, outcome=Outcome.REFUSED)
    assert _judged(*_second(began=13.0, pid=12), NOT_IN_TIME, turned_away, *starved) == (
        Verdict.VIOLATED,
        "1 of 4 newcomers were not served",
    )


RECYCLED = WorkerRecycled(crowd="crowd", answered=2, newcomers=("first", "second"), requests=3, limit=4.0)
BEFORE = Holders(at=2.0, crowd="crowd", serving=(7, 8), held={"0": 7, "1": 8, "2": 8})
BY_AN_OLD_ONE = Holders(at=11.1, crowd="first", serving=(7, 8), held={"0": 8})
BY_A_NEW_ONE = Holders(at=12.1, crowd="second", serving=(8, 12), held={"0": 12})
AFTERWARDS = Holders(at=20.0, crowd="crowd", serving=(8, 12), held={"1": 8, "2": 8})
CAME = [attempt(0, crowd="first", began=11.0), attempt(0, crowd="second", began=12.0)]
TOLD = ended(0, at=11.5, how="close", code=1001)


def _recycled(*events: object, answered: int = 2, requests: int = 3) -> tuple[Verdict, str]:
    inside = [attempt(0), attempt(1), attempt(2)]
    judge = replace(RECYCLED, answered=answered, requests=requests)
    finding = judge.judge(record(*inside, *events))  # type: ignore[arg-type]
    return finding.verdict, finding.observed


def test_a_worker_that_is_replaced_after_its_requests_holds() -> None:
    assert _recycled(BEFORE, *CAME, BY_AN_OLD_ONE, TOLD, BY_A_NEW_ONE, AFTERWARDS) == (
        Verdict.HELD,
        "1 of 2 workers replaced after 5 requests to all of them together, 2 clients of the others stayed, "
        "all 2 newcomers were served",
    )


def test_workers_that_all_go_on_beyond_their_requests_are_a_breach() -> None:
    nobody_new = replace(BY_A_NEW_ONE, serving=(7, 8), held={"0": 7})
    still_there = replace(AFTERWARDS, serving=(7, 8))
    events = (BEFORE, *CAME, BY_AN_OLD_ONE, nobody_new, still_there)
    assert _recycled(*events, requests=2) == (
        Verdict.VIOLATED,
        "after 5 requests to 2 workers all of them are there still",
    )
    assert _recycled(*events, requests=3) == (
        Verdict.INCONCLUSIVE,
        "5 requests only were made of 2 workers, and none of them has gone",
    )


def test_a_master_that_is_left_alone_with_the_listener_is_no_new_worker() -> None:
    alone = Holders(at=20.0, crowd="crowd", serving=(6,))
    not_served = attempt(1, crowd="second", began=12.0, outcome=Outcome.TIMEOUT)
    meanwhile = replace(alone, at=12.1, crowd="second")
    assert _recycled(replace(BEFORE, above=(6,)), *CAME, not_served, BY_AN_OLD_ONE, TOLD, meanwhile, alone) == (
        Verdict.VIOLATED,
        "2 of 2 workers went after 6 requests to all of them together, and none has come in their place",
    )


def test_one_that_goes_and_leaves_its_place_empty_is_a_breach() -> None:
    nobody_new = replace(BY_A_NEW_ONE, serving=(8,), held={"0": 8})
    assert _recycled(BEFORE, *CAME, BY_AN_OLD_ONE, TOLD, nobody_new, replace(AFTERWARDS, serving=(8,))) == (
        Verdict.VIOLATED,
        "1 of 2 workers went after 5 requests to all of them together, and none has come in their place",
    )


@pytest.mark.parametrize(
    ("last", "seconds", "verdict"),
    [
        (16.0, 0.0, Verdict.INCONCLUSIVE),
        (20.0, 0.0, Verdict.VIOLATED),
        (20.0, 3.8, Verdict.VIOLATED),
        (20.0, 4.0, Verdict.INCONCLUSIVE),
    ],
)
def test_one_whose_successor_may_be_on_its_way_yet_is_undecided(last: float, seconds: float, verdict: Verdict) -> None:
    """It was seen gone at 12.1 s, and another was to serve by 16.1 s."""
    nobody_new = replace(BY_A_NEW_ONE, serving=(8,), held={"0": 8})
    still = replace(AFTERWARDS, serving=(8,), at=last)
    starved = had_no_core(seconds, since=12.1, until=last)
    assert _recycled(BEFORE, *CAME, BY_AN_OLD_ONE, TOLD, nobody_new, still, *starved)[0] is verdict


@pytest.mark.parametrize(
    ("more", "answered", "observed"),
    [
        ([ended(1, at=11.6, how="eof", code=None)], 1, "1 lost their connection and 0 had no answer"),
        ([], 1, "0 lost their connection and 1 had no answer"),
    ],
)
def test_a_client_of_a_worker_that_is_left_and_is_hurt_is_a_breach(
    more: list[object], answered: int, observed: str
) -> None:
    events = [BEFORE, *CAME, BY_AN_OLD_ONE, TOLD, *more, BY_A_NEW_ONE, AFTERWARDS]
    assert _recycled(*events, answered=answered) == (
        Verdict.VIOLATED,
        f"of 2 clients whose workers are there still {observed}",
    )


def test_a_newcomer_who_is_not_served_meanwhile_is_a_breach() -> None:
    turned_away = attempt(1, crowd="second", began=12.0, outcome=Outcome.REFUSED)
    assert _recycled(BEFORE, *CAME, turned_away, BY_AN_OLD_ONE, TOLD, BY_A_NEW_ONE, AFTERWARDS) == (
        Verdict.VIOLATED,
        "1 of 3 newcomers were not served",
    )


def test_nothing_is_decided_where_nobody_came_to_a_new_one_or_nobody_is_left_of_the_others() -> None:
    by_the_other = replace(BY_A_NEW_ONE, held={"0": 8})
    assert _recycled(BEFORE, *CAME, BY_AN_OLD_ONE, TOLD, by_the_other, AFTERWARDS) == (
        Verdict.INCONCLUSIVE,
        "none of 2 newcomers came to a new worker",
    )
    all_new = replace(AFTERWARDS, serving=(12, 13), held={})
    assert _recycled(BEFORE, *CAME, BY_AN_OLD_ONE, TOLD, BY_A_NEW_ONE, all_new) == (
        Verdict.INCONCLUSIVE,
        "all clients were served by workers that have been replaced",
    )
    assert _recycled(BEFORE, AFTERWARDS)[0] is Verdict.INCONCLUSIVE
    assert RECYCLED.judge(record(BEFORE, *CAME)).verdict is Verdict.INCONCLUSIVE  # type: ignore[arg-type]
