"""Closing: what is owed before the close frame, who is waited for after it, and what is left behind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chaos.expectations import (
    AnswersFirst,
    BroadcastsFirst,
    CloseAnswered,
    Deaf,
    LateAnswerAwaited,
    NothingLeftBehind,
)
from chaos.expectations.record import Waits
from chaos.journal import Correspondence, Ended, Event, LeftBehind, ServerEvent
from chaos.verdict import Verdict
from tests.unit.expectations.records import attempt, ended, frame, made, record, worker_late

TOLD = ServerEvent(at=10.0, what="asked to stop")
GONE = ServerEvent(at=11.0, what="exited", exit_code=0)

ANSWERS = AnswersFirst(crowd="crowd", when="it was told to end", read_at=9.5)
LEAVING = AnswersFirst(crowd="crowd", when="they closed", read_at=9.5)
BROADCASTS = BroadcastsFirst(crowd="behind", others="others", message="news", sequence=r"news (\d+)")
ANSWERED = CloseAnswered(crowd="crowd", since=10.0, within=0.5)
AWAITED = LateAnswerAwaited(crowd="crowd", delay=0.12, within=0.15)


def books(at: float, **counts: Any) -> Correspondence:
    given: dict[str, Any] = {"sent": 10, "answered": 10, "heard": 0, "waited": 0.0, **counts}
    return Correspondence(at=at, crowd="crowd", client=0, **given)


BEFORE = books(9.9, answered=3, unanswered=7)
LOST = books(
    12.5, answered=6, unknown=4, first={"unknown": "client 0: message 7 was sent 600ms before the connection ended"}
)


@pytest.mark.parametrize(
    ("events", "verdict", "observed"),
    [
        (
            (BEFORE, TOLD, ended(), books(12.5)),
            Verdict.HELD,
            "10 answered of 10 sent, 7 of them after it was told to end",
        ),
        (
            (BEFORE, TOLD, ended(), LOST),
            Verdict.VIOLATED,
            "4 of 10 were never answered; first: client 0: message 7 was sent 600ms before the connection ended",
        ),
        (
            (BEFORE, TOLD, ended(how="reset", code=None), LOST),
            Verdict.VIOLATED,
            "4 of 10 were never answered; 1 connection ended by reset, without a close frame; first: client 0: message "
            "7 was sent 600ms before the connection ended",
        ),
        # One that a later answer overtook is lost as well.
        (
            (BEFORE, TOLD, ended(), books(12.5, answered=9, lost=1, first={"lost": "client 0: this"})),
            Verdict.VIOLATED,
            "1 lost (9 answered of 10 sent); first: client 0: this",
        ),
        # Its books say what is owed only where something is.
        (
            (books(9.9), TOLD, ended(), books(12.5)),
            Verdict.INCONCLUSIVE,
            "every message was answered before the server was told to end",
        ),
        (
            (BEFORE, ended(at=9.95, how="reset", code=None), TOLD, LOST),
            Verdict.INCONCLUSIVE,
            "1 client had been cut off 50ms before the server was told to end",
        ),
        # It was told before, and its connection was over after.
        (
            (BEFORE, replace(ended(at=10.1), close_frame_at=9.9), TOLD, LOST),
            Verdict.INCONCLUSIVE,
            "1 client had been cut off 100ms before the server was told to end",
        ),
        (
            (BEFORE, TOLD, ended(), books(12.5, sent=0, answered=0)),
            Verdict.INCONCLUSIVE,
            "no client of 'crowd' sent a numbered message",
        ),
    ],
)
def test_answers_before_the_close_frame(events: tuple[Event, ...], verdict: Verdict, observed: str) -> None:
    finding = ANSWERS.judge(record(attempt(), *events))
    assert (finding.verdict, finding.observed) == (verdict, observed)


def test_a_server_that_was_late_may_have_had_no_time() -> None:
    events = (made(pid=7), attempt(), BEFORE, TOLD, ended(), LOST)
    finding = ANSWERS.judge(record(*events, worker_late(1.5, at=11.5)))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "within the reading's own uncertainty" in finding.observed
    assert ANSWERS.judge(record(*events, worker_late(0.5, at=11.5))).verdict is Verdict.VIOLATED


CUT = ended(how="reset", code=None)


@pytest.mark.parametrize(
    ("end", "deaf_for", "verdict"),
    [
        (CUT, 0.5, Verdict.INCONCLUSIVE),
        (ended(code=1011), 0.5, Verdict.INCONCLUSIVE),
        (CUT, 0.3, Verdict.VIOLATED),
        (CUT, 0.0, Verdict.VIOLATED),
        (ended(), 0.5, Verdict.VIOLATED),
    ],
    ids=["cut off", "closed as dead", "too soon for that", "who reads", "told that it ends"],
)
def test_who_read_nothing_for_long_may_have_been_given_up_before_the_server_was_told_to_end(
    end: Ended, deaf_for: float, verdict: Verdict
) -> None:
    """As seen on a busy machine, 0.68 s with a heartbeat timeout of 0.72 s: its kernel had lost them before."""
    asked = replace(ANSWERS, deaf=Deaf(seconds=deaf_for, goodbye=1001))
    events = (attempt(), BEFORE, TOLD, end, LOST)
    finding = asked.judge(replace(record(*events), waits=Waits(server=0.72)))
    assert finding.verdict is verdict
    if verdict is Verdict.INCONCLUSIVE:
        assert finding.observed.endswith(
            "; they had read nothing for 500ms, and may have been given up for dead before the server was told to end"
        )
    # Where nobody knows how long it waits nothing is excused by that.
    assert asked.judge(record(*events)).verdict is Verdict.VIOLATED


def test_who_was_told_and_lacks_something_is_judged_beside_one_who_was_given_up() -> None:
    told = (attempt(1), ended(1), replace(LOST, client=1))
    asked = replace(ANSWERS, deaf=Deaf(seconds=0.5, goodbye=1001))
    seen = replace(record(attempt(), BEFORE, TOLD, CUT, LOST, *told), waits=Waits(server=0.72))
    assert asked.judge(seen).verdict is Verdict.VIOLATED


def test_what_was_on_its_way_is_owed_by_nobody() -> None:
    finding = replace(ANSWERS, read_at=None).judge(record(attempt(), BEFORE, TOLD, ended(), LOST))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.observed == "the server never read all that was sent to it, so nobody knows what it had"


def test_whoever_closes_is_owed_all_that_it_said() -> None:
    end = ended(by="client")
    finding = LEAVING.judge(record(attempt(), end, books(12.5)))
    assert (finding.verdict, finding.observed) == (
        Verdict.HELD,
        "10 answered of 10 sent, 10 of them after they closed",
    )
    assert LEAVING.judge(record(attempt(), end, LOST)).verdict is Verdict.VIOLATED


@pytest.mark.parametrize(
    ("end", "verdict"),
    [
        (ended(at=9.6, by="client"), Verdict.VIOLATED),  # its answer to the close frame came: the others were skipped
        (ended(at=9.6, by="client", how="reset", code=None), Verdict.INCONCLUSIVE),
    ],
    ids=["its close was answered", "cut off"],
)
def test_who_has_its_close_answered_was_read_in_order(end: Ended, verdict: Verdict) -> None:
    events = (made(pid=7), attempt(), end, LOST)
    assert LEAVING.judge(record(*events, worker_late(0.2, at=9.6))).verdict is verdict


def heard(crowd: str, *numbers: int, at: float, client: int = 0) -> list[Event]:
    return [frame(at + number / 1000, crowd=crowd, client=client, text=f"news {number}") for number in numbers]


def listeners(*events: Event, end: Ended | None = None) -> Any:
    end = end or ended(crowd="behind")
    return record(attempt(crowd="behind"), attempt(crowd="others"), TOLD, end, *events)


@pytest.mark.parametrize(
    ("behind", "late", "verdict", "observed"),
    [
        ((1,), (2, 3, 4), Verdict.HELD, "2 broadcasts that waited came before the close frame"),
        (
            (1,),
            (2,),
            Verdict.VIOLATED,
            "1 of 2 broadcasts that waited were lost; first: listener 0: number 3 of 3 never came",
        ),
        (
            (1,),
            (),
            Verdict.VIOLATED,
            "2 of 2 broadcasts that waited were lost; first: listener 0: number 2 of 3 never came",
        ),
        # What was broadcast after it was told is owed to nobody.
        (
            (1, 2, 3),
            (4,),
            Verdict.INCONCLUSIVE,
            "every listener had heard everything when the server was told to end",
        ),
        ((), (), Verdict.INCONCLUSIVE, "listener 0 of 'behind' heard nothing at all"),
    ],
)
def test_broadcasts_before_the_close_frame(
    behind: tuple[int, ...], late: tuple[int, ...], verdict: Verdict, observed: str
) -> None:
    finding = BROADCASTS.judge(
        listeners(
            *heard("others", 1, 2, 3, at=9.0),
            *heard("others", 4, at=10.5),
            *heard("behind", *behind, at=9.0),
            *heard("behind", *late, at=10.5),
        )
    )
    assert (finding.verdict, finding.observed) == (verdict, observed)


@pytest.mark.parametrize(
    ("end", "deaf_for", "verdict"),
    [
        (replace(CUT, crowd="behind"), 0.5, Verdict.INCONCLUSIVE),
        (replace(CUT, crowd="behind"), 0.3, Verdict.VIOLATED),
        (ended(crowd="behind"), 0.5, Verdict.VIOLATED),
    ],
    ids=["cut off", "too soon for that", "told that it ends"],
)
def test_a_listener_that_read_nothing_for_long_may_have_been_given_up_before_the_server_was_told_to_end(
    end: Ended, deaf_for: float, verdict: Verdict
) -> None:
    asked = replace(BROADCASTS, deaf=Deaf(seconds=deaf_for, goodbye=1001))
    seen = listeners(*heard("others", 1, 2, 3, at=9.0), *heard("behind", 1, at=9.0), end=end)
    finding = asked.judge(replace(seen, waits=Waits(server=0.72)))
    assert finding.verdict is verdict
    if verdict is Verdict.INCONCLUSIVE:
        assert finding.observed.startswith("2 of 2 broadcasts that waited were lost; 1 connection ended by reset")
        assert finding.observed.endswith(
            "; they had read nothing for 500ms, and may have been given up for dead before the server was told to end"
        )
    assert asked.judge(seen).verdict is Verdict.VIOLATED


def test_a_listener_that_was_cut_before_was_not_behind() -> None:
    finding = BROADCASTS.judge(listeners(end=ended(at=9.9, crowd="behind", how="reset", code=None)))
    assert finding.observed == "1 listener had been cut off 100ms before the server was told to end"


def test_nobody_knows_what_had_gone_out_where_nobody_heard_anything() -> None:
    finding = BROADCASTS.judge(listeners(*heard("others", 1, at=10.5)))
    assert finding.observed == "no listener of 'others' had heard a broadcast by then"


def test_a_client_that_could_not_read_in_time_may_be_why() -> None:
    events = (*heard("others", 1, 2, at=9.0), *heard("behind", 1, at=9.0), made("behind", pid=7))
    assert BROADCASTS.judge(listeners(*events)).verdict is Verdict.VIOLATED
    assert BROADCASTS.judge(listeners(*events, worker_late(1.5, at=11.5))).verdict is Verdict.INCONCLUSIVE


def gone(after: float, *, answered: float | None, client: int = 0) -> Ended:
    return replace(
        ended(client, at=20.0 + after), close_frame_at=20.0, tcp_closed_after=after, close_answered_after=answered
    )


@pytest.mark.parametrize(
    ("ends", "verdict", "observed"),
    [
        (
            (gone(0.14, answered=0.12), gone(0.15, answered=0.13, client=1)),
            Verdict.HELD,
            "2/2 waited for, who answered 120ms to 130ms after it",
        ),
        (
            (gone(0.14, answered=0.12), gone(0.01, answered=None, client=1)),
            Verdict.VIOLATED,
            "TCP was over for 1 of 2 clients before they answered, the first 10ms after its close frame",
        ),
        # An answer that we gave later than is promised need not be waited for.
        (
            (gone(0.14, answered=0.12), gone(0.25, answered=None, client=1)),
            Verdict.HELD,
            "2/2 waited for, who answered 120ms to 120ms after it",
        ),
        (
            (gone(0.25, answered=None), gone(0.25, answered=None, client=1)),
            Verdict.INCONCLUSIVE,
            "nobody answered in time: TCP was over 250ms after the close frame, and answers were due after 120ms",
        ),
        ((gone(0.14, answered=0.12),), Verdict.INCONCLUSIVE, "1 of 2 clients heard a close frame"),
    ],
)
def test_a_late_answer_is_waited_for(ends: tuple[Ended, ...], verdict: Verdict, observed: str) -> None:
    finding = AWAITED.judge(record(attempt(0), attempt(1), *ends))
    assert (finding.verdict, finding.observed) == (verdict, observed)


def test_a_close_frame_that_was_read_late_may_have_been_there_for_long() -> None:
    events = (made(pid=7), attempt(), gone(0.1, answered=None))
    assert AWAITED.judge(record(*events, worker_late(0.1, at=20.05))).verdict is Verdict.INCONCLUSIVE
    assert AWAITED.judge(record(*events, worker_late(0.01, at=20.05))).verdict is Verdict.VIOLATED


@pytest.mark.parametrize(
    ("events", "verdict", "observed"),
    [
        ((GONE, LeftBehind(at=11.2, pids=())), Verdict.HELD, "no process was left"),
        (
            (GONE, LeftBehind(at=11.2, pids=(12, 13))),
            Verdict.VIOLATED,
            "200ms after its end a process of it served on: pid 12, 13",
        ),
        ((GONE,), Verdict.INCONCLUSIVE, "nobody looked what was left of it"),
        ((LeftBehind(at=11.2, pids=(12,)),), Verdict.INCONCLUSIVE, "the server had not ended when it was looked at"),
    ],
)
def test_nothing_is_left_of_a_server(events: tuple[Event, ...], verdict: Verdict, observed: str) -> None:
    finding = NothingLeftBehind().judge(record(TOLD, *events))
    assert (finding.verdict, finding.observed) == (verdict, observed)


def _closed(client: int = 0, *, at: float = 10.2, how: str = "close", code: int | None = 1000) -> Ended:
    return ended(client, at=at, by="client", how=how, code=code)


@pytest.mark.parametrize(
    ("ends", "verdict", "observed"),
    [
        ((_closed(), _closed(1, at=10.3)), Verdict.HELD, "the last of 2 closes was over after 300ms"),
        (
            (_closed(), _closed(1, at=11.0, how="timeout")),
            Verdict.VIOLATED,
            "1 of 2 closes were answered, and TCP was not over after 1s",
        ),
        (
            (_closed(), _closed(1, at=11.0, how="timeout", code=None)),
            Verdict.VIOLATED,
            "1 of 2 closes had no answer after 1s",
        ),
        (
            (_closed(), _closed(1, how="eof", code=None)),
            Verdict.VIOLATED,
            "the closes of 1 of 2 clients were answered by no close frame, but: eof",
        ),
        ((_closed(),), Verdict.INCONCLUSIVE, "1 of 2 clients never closed"),
        (
            (_closed(), ended(1, how="reset", code=None)),
            Verdict.INCONCLUSIVE,
            "1 of 2 clients were ended before they closed: reset",
        ),
    ],
)
def test_a_close_is_answered_and_tcp_ended(ends: tuple[Ended, ...], verdict: Verdict, observed: str) -> None:
    finding = ANSWERED.judge(record(attempt(0), attempt(1), *ends))
    assert (finding.verdict, finding.observed) == (verdict, observed)


def test_a_close_that_was_late_by_no_more_than_we_were_blames_nobody() -> None:
    late = worker_late(0.6, at=10.9)
    finding = ANSWERED.judge(record(attempt(0), _closed(at=11.0), late))
    assert finding.verdict is Verdict.INCONCLUSIVE
