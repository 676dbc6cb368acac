from __future__ import annotations

from dataclasses import replace

from chaos.expectations import FetchedInTime
from chaos.journal import Event, FeedFetched
from chaos.verdict import Verdict
from tests.unit.expectations.records import attempt, frame, late, record

WANTED = FetchedInTime(crowd="crowd", message="update", sequence=r"update (\d+)", within=0.25, start=10.0)


def _heard(*numbers: int, since: float = 10.0) -> list[Event]:
    """One broadcast each second."""
    return [attempt(client=0), *(frame(since + i, text=f"update {number}") for i, number in enumerate(numbers))]


def _fetched(began: float, text: str, *, status: int = 200) -> FeedFetched:
    return FeedFetched(at=began + 0.01, began=began, status=status, text=text)


def test_an_answer_that_tells_the_last_broadcast_or_a_later_one_holds() -> None:
    finding = WANTED.judge(record(*_heard(1, 2, 3), _fetched(10.5, "update 1"), _fetched(12.1, "update 4")))
    assert (finding.verdict, finding.observed) == (Verdict.HELD, "2 answers, the worst 0s behind")


def test_what_was_broadcast_a_moment_ago_need_not_be_told_yet() -> None:
    finding = WANTED.judge(record(*_heard(1, 2), _fetched(11.2, "update 1")))
    assert (finding.verdict, finding.figure) == (Verdict.HELD, "200ms behind")


def test_an_answer_that_tells_too_little_counts_from_the_first_broadcast_it_lacks() -> None:
    finding = WANTED.judge(record(*_heard(1, 2, 3), _fetched(10.5, "update 1"), _fetched(12.5, "update 1")))
    assert (finding.verdict, finding.observed) == (
        Verdict.VIOLATED,
        "1 of 2 answers told too little, the worst 1.5s behind",
    )


def test_an_answer_that_is_a_refusal_or_none_tells_nothing() -> None:
    answers = [
        _fetched(10.5, "update 1"),
        _fetched(11.5, "TimeoutError", status=503),
        _fetched(12.5, "no answer", status=0),
    ]
    finding = WANTED.judge(record(*_heard(1), *answers))
    assert (finding.verdict, finding.observed) == (
        Verdict.VIOLATED,
        "2 of 3 times the feed told no broadcast, the first HTTP 503: TimeoutError",
    )


def _timed_out(began: float, *, after: float) -> FeedFetched:
    return FeedFetched(at=began + after, began=began, text="no answer", timed_out=True)


def test_an_answer_that_did_not_come_in_time_is_the_servers_unless_most_of_the_wait_was_ours() -> None:
    waited = _timed_out(11.5, after=2.0)
    finding = WANTED.judge(record(*_heard(1), waited, late(0.9, at=12.0)))
    assert (finding.verdict, finding.observed) == (
        Verdict.VIOLATED,
        "1 of 1 time the feed told no broadcast, the first no answer",
    )
    finding = WANTED.judge(record(*_heard(1), waited, late(1.1, at=12.0)))
    assert (finding.verdict, finding.observed) == (
        Verdict.INCONCLUSIVE,
        "1 of 1 time the feed told no broadcast, the first no answer, a breach within the reading's own uncertainty of "
        "1.1s: the conductor was up to 1.1s late",
    )


def test_what_was_answered_wrongly_excuses_no_lateness() -> None:
    wrong = [_timed_out(11.5, after=2.0), _fetched(14.0, "<html>")]
    finding = WANTED.judge(record(*_heard(1), *wrong, late(1.9, at=12.0)))
    assert (finding.verdict, finding.observed, finding.figure) == (
        Verdict.VIOLATED,
        "1 of 2 times the feed told no broadcast, the first '<html>'",
        "0/2 told",
    )


def test_an_answer_without_a_number_tells_nothing() -> None:
    finding = WANTED.judge(record(*_heard(1), _fetched(10.5, "<html>")))
    assert (finding.verdict, finding.figure) == (Verdict.VIOLATED, "0/1 told")


def test_answers_from_before_the_cut_do_not_count() -> None:
    finding = replace(WANTED, start=11.0).judge(
        record(*_heard(1, 2), _fetched(10.5, "update 0"), _fetched(11.1, "update 2"))
    )
    assert finding.verdict is Verdict.HELD


def test_nothing_is_decided_where_nobody_fetched_or_heard() -> None:
    assert WANTED.judge(record(*_heard(1))).observed == "nobody fetched the feed"
    finding = WANTED.judge(record(attempt(client=0), _fetched(10.5, "update 1")))
    assert (finding.verdict, finding.observed) == (
        Verdict.INCONCLUSIVE,
        "no broadcast was heard before the feed was fetched for the last time",
    )
    assert WANTED.judge(record(_fetched(10.5, "update 1"))).verdict is Verdict.INCONCLUSIVE


def test_a_late_conductor_decides_nothing() -> None:
    finding = WANTED.judge(record(*_heard(1, 2), _fetched(11.3, "update 1"), late(0.2, at=11.2)))
    assert finding.verdict is Verdict.INCONCLUSIVE
