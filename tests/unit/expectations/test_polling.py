from __future__ import annotations

from dataclasses import replace

from chaos.expectations import PolledInTime
from chaos.journal import Event, Polled
from chaos.verdict import Verdict
from tests.unit.expectations.records import attempt, frame, late, record

WANTED = PolledInTime(crowd="crowd", message="update", sequence=r"update (\d+)", within=0.25, start=10.0)


def _heard(*numbers: int, since: float = 10.0) -> list[Event]:
    """One broadcast each second."""
    return [attempt(client=0), *(frame(since + i, text=f"update {number}") for i, number in enumerate(numbers))]


def _poll(began: float, text: str, *, status: int = 200) -> Polled:
    return Polled(at=began + 0.01, began=began, status=status, text=text)


def test_a_poll_that_tells_the_last_broadcast_or_a_later_one_holds() -> None:
    finding = WANTED.judge(record(*_heard(1, 2, 3), _poll(10.5, "update 1"), _poll(12.1, "update 4")))
    assert (finding.verdict, finding.observed) == (Verdict.HELD, "2 polls, the worst 0s behind")


def test_what_was_broadcast_a_moment_ago_need_not_be_told_yet() -> None:
    finding = WANTED.judge(record(*_heard(1, 2), _poll(11.2, "update 1")))
    assert (finding.verdict, finding.figure) == (Verdict.HELD, "200ms behind")


def test_a_poll_that_tells_too_little_counts_from_the_first_broadcast_it_lacks() -> None:
    finding = WANTED.judge(record(*_heard(1, 2, 3), _poll(10.5, "update 1"), _poll(12.5, "update 1")))
    assert (finding.verdict, finding.observed) == (
        Verdict.VIOLATED,
        "1 of 2 polls told too little, the worst 1.5s behind",
    )


def test_a_poll_that_is_refused_or_not_answered_tells_nothing() -> None:
    polls = [_poll(10.5, "update 1"), _poll(11.5, "TimeoutError", status=503), _poll(12.5, "no answer", status=0)]
    finding = WANTED.judge(record(*_heard(1), *polls))
    assert (finding.verdict, finding.observed) == (
        Verdict.VIOLATED,
        "2 of 3 polls were not answered with a broadcast, the first by HTTP 503: TimeoutError",
    )


def test_an_answer_without_a_number_tells_nothing() -> None:
    finding = WANTED.judge(record(*_heard(1), _poll(10.5, "<html>")))
    assert (finding.verdict, finding.figure) == (Verdict.VIOLATED, "0/1 polls")


def test_polls_from_before_the_cut_do_not_count() -> None:
    finding = replace(WANTED, start=11.0).judge(record(*_heard(1, 2), _poll(10.5, "update 0"), _poll(11.1, "update 2")))
    assert finding.verdict is Verdict.HELD


def test_nothing_is_decided_where_nobody_polled_or_heard() -> None:
    assert WANTED.judge(record(*_heard(1))).observed == "nobody polled"
    finding = WANTED.judge(record(attempt(client=0), _poll(10.5, "update 1")))
    assert (finding.verdict, finding.observed) == (
        Verdict.INCONCLUSIVE,
        "no broadcast was heard before the last poll",
    )
    assert WANTED.judge(record(_poll(10.5, "update 1"))).verdict is Verdict.INCONCLUSIVE


def test_a_late_conductor_decides_nothing() -> None:
    finding = WANTED.judge(record(*_heard(1, 2), _poll(11.3, "update 1"), late(0.2, at=11.2)))
    assert finding.verdict is Verdict.INCONCLUSIVE
