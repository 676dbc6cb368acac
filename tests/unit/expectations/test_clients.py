from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.contract import RejectionAnswer
from chaos.expectations import (
    ClosedWith,
    Established,
    NotWarnedEarly,
    RefusedAtTheDoor,
    RejectedGracefully,
    StayedAfterUpgrade,
    Undisturbed,
    Warned,
)
from chaos.journal import Attempt, Beat, Outcome, ServerEvent, Traffic
from chaos.verdict import Verdict
from tests.unit.expectations.records import attempt, beat, ended, frame, record, sample, worker_late

ESTABLISHED = Established(crowd="crowd", count=10, within=0.5, success_ratio=1.0)


def test_everyone_in_time_is_held() -> None:
    finding = ESTABLISHED.judge(record(*(attempt(client) for client in range(10))))
    assert (finding.verdict, finding.figure) == (Verdict.HELD, "10/10 10ms")


def test_one_that_is_refused_breaks_a_ratio_of_one() -> None:
    refused = attempt(9, outcome=Outcome.REFUSED, phase="tcp")
    finding = ESTABLISHED.judge(record(*(attempt(client) for client in range(9)), refused))
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed == "9 of 10 attempts got in; the others: 1 x connection refused"
    assert finding.evidence == ("client 9: connection refused after 10ms",)


def test_one_in_twenty_may_fail_where_that_is_promised() -> None:
    some = Established(crowd="crowd", count=20, within=0.5, success_ratio=0.95)
    refused = attempt(19, outcome=Outcome.REFUSED, phase="tcp")
    assert some.judge(record(*(attempt(client) for client in range(19)), refused)).verdict is Verdict.HELD


def test_why_the_limit_is_what_it_is_is_said() -> None:
    far = Established(crowd="crowd", count=1, within=0.6, success_ratio=1.0, why="of which the link adds 100ms")
    promised = "all of 1 attempts open, first message within 600ms (of which the link adds 100ms)"
    assert far.judge(record(attempt())).promised == promised


ALMOST = Established(crowd="crowd", count=20, within=0.5, success_ratio=0.95)


def test_one_in_twenty_may_be_late_where_that_is_promised() -> None:
    finding = ALMOST.judge(record(*(attempt(client) for client in range(19)), attempt(19, took=0.8)))
    assert (finding.verdict, finding.figure) == (Verdict.HELD, "20/20 10ms")
    assert finding.observed == "20/20 open, 1 of them too late, the slowest after 800ms"
    assert finding.promised == "0.95 of 20 attempts open, first message within 500ms"


def test_one_that_fails_and_one_that_is_late_are_two() -> None:
    refused = attempt(19, outcome=Outcome.REFUSED, phase="tcp")
    finding = ALMOST.judge(record(*(attempt(client) for client in range(18)), attempt(18, took=0.8), refused))
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed == "1 of 19 clients waited too long, the slowest after 800ms"


def test_two_that_are_late_are_too_many() -> None:
    late = attempt(18, took=0.7), attempt(19, took=0.9)
    finding = ALMOST.judge(record(*(attempt(client) for client in range(18)), *late))
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed == "2 of 20 clients waited too long, the slowest after 900ms"
    # The sooner of them is the one too many: it is late by 0.2 s, and so was the worker.
    excused = ALMOST.judge(record(*(attempt(client) for client in range(18)), *late, worker_late(0.25, at=1.5)))
    assert excused.verdict is Verdict.INCONCLUSIVE


def test_a_share_that_no_float_can_say_is_taken_as_it_was_written() -> None:
    """0.07 of 100 is 7, and the product of the floats a hair more."""
    few = Established(crowd="crowd", count=100, within=0.5, success_ratio=0.07)
    refused = (attempt(client, outcome=Outcome.REFUSED, phase="tcp") for client in range(7, 100))
    assert few.judge(record(*(attempt(client) for client in range(7)), *refused)).verdict is Verdict.HELD


def test_one_that_waits_too_long_breaks_it() -> None:
    slow = attempt(9, took=0.8)
    finding = ESTABLISHED.judge(record(*(attempt(client) for client in range(9)), slow))
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed == "1 of 10 clients waited too long, the slowest after 800ms"


def test_unless_the_harness_itself_was_as_late() -> None:
    slow = attempt(9, took=0.8)
    finding = ESTABLISHED.judge(record(*(attempt(client) for client in range(9)), slow, worker_late(0.4, at=1.5)))
    assert finding.verdict is Verdict.INCONCLUSIVE


def test_attempts_that_were_not_recorded_decide_nothing() -> None:
    assert ESTABLISHED.judge(record(attempt())).verdict is Verdict.INCONCLUSIVE


def _burst(inside: int, outside: list[Attempt]) -> list[Attempt]:
    return [*(attempt(client) for client in range(inside)), *outside]


def _rejected(client: int, *, retry_after: str | None = "1") -> Attempt:
    return attempt(client, outcome=Outcome.HTTP, phase="handshake", status=503, retry_after=retry_after)


REJECTED = RejectedGracefully(crowd="crowd", free=2, answer=RejectionAnswer.HTTP_503, within=0.5, retry_after=True)


def test_the_free_places_are_taken_and_the_others_turned_away() -> None:
    finding = REJECTED.judge(record(*_burst(2, [_rejected(2), _rejected(3)])))
    assert (finding.verdict, finding.figure) == (Verdict.HELD, "2 in, 2 out")
    assert finding.promised == (
        "2 more clients get in, each of the others is turned away with HTTP 503 and Retry-After within 500ms"
    )


@pytest.mark.parametrize(
    ("places", "inside", "taken"),
    [
        (13, 10, "of 13 places 11 are taken (10 inside, the canary)"),
        (3, 0, "of 3 places 1 is taken (the canary)"),
        (14, 10, "of 14 places 12 are taken (10 inside, 2 of the suite's own)"),
        (12, 10, "of 12 places 10 are taken (10 inside)"),
        (2, 0, "of 2 places 0 are taken"),
    ],
)
def test_what_is_promised_names_the_limit_and_who_has_the_rest_of_it(places: int, inside: int, taken: str) -> None:
    finding = replace(REJECTED, places=places, inside=inside).judge(record(*_burst(3, [_rejected(3)])))
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed == "3 of 4 got in although 2 places were free"
    assert finding.promised.endswith(f"within 500ms; {taken}")


@pytest.mark.parametrize(
    ("opened", "beats", "verdict"),
    [
        (3, [beat(0.9), beat(1.005, ok=False), beat(1.1)], Verdict.INCONCLUSIVE),
        (3, [beat(0.9), beat(0.95, ok=False), beat(1.1)], Verdict.INCONCLUSIVE),
        (4, [beat(0.9), beat(1.005, ok=False), beat(1.1)], Verdict.VIOLATED),
        (3, [beat(0.9), beat(1.005), beat(1.1)], Verdict.VIOLATED),
        (3, [beat(0.8, ok=False), beat(0.9), beat(1.3), beat(1.4, ok=False)], Verdict.VIOLATED),
    ],
)
def test_a_canary_that_lost_its_connection_has_left_its_place(opened: int, beats: list[Beat], verdict: Verdict) -> None:
    """It had no answer for too long, and gave up; somebody of the burst is inside where it was."""
    seen = record(*_burst(opened, [_rejected(opened)]), *beats)
    finding = replace(REJECTED, places=3).judge(seen)
    assert finding.verdict is verdict
    if verdict is Verdict.INCONCLUSIVE:
        assert finding.observed == "3 of 4 got in although 2 places were free, and the canary had lost its own"
    short = replace(REJECTED, short="memory").judge(seen)
    assert short.verdict is Verdict.VIOLATED, "there is no more memory for that"


def test_who_takes_what_is_left_is_told_of_how_many_places() -> None:
    finding = replace(ESTABLISHED, places=11).judge(record(*(attempt(client) for client in range(9))))
    assert finding.promised.endswith("first message within 500ms; of 11 places 1 is taken (the canary)")


@pytest.mark.parametrize(
    ("attempts", "observed"),
    [
        (_burst(3, [_rejected(3)]), "3 of 4 got in although 2 places were free"),
        (
            _burst(1, [_rejected(client) for client in (1, 2, 3)]),
            "only 1 of 2 free places were given away; the others: 3 x HTTP 503",
        ),
        (
            _burst(2, [_rejected(2), attempt(3, outcome=Outcome.RESET, phase="tcp")]),
            "1 of 2 were not turned away gracefully: 1 x reset in tcp",
        ),
        (
            _burst(2, [_rejected(2), _rejected(3, retry_after=None)]),
            "1 of 2 were not turned away gracefully: 1 x HTTP 503",
        ),
    ],
)
def test_what_is_not_graceful(attempts: list[Attempt], observed: str) -> None:
    finding = REJECTED.judge(record(*attempts))
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed == observed


def test_turning_away_after_the_upgrade_takes_the_right_code() -> None:
    closing = RejectedGracefully(
        crowd="crowd", free=2, answer=RejectionAnswer.CLOSE_1013, within=0.5, retry_after=False
    )
    right = attempt(2, outcome=Outcome.CLOSED, code=1013)
    wrong = attempt(3, outcome=Outcome.CLOSED, code=1011)
    assert closing.judge(record(*_burst(2, [right]))).verdict is Verdict.HELD
    assert closing.judge(record(*_burst(2, [right, wrong]))).verdict is Verdict.VIOLATED


def test_a_burst_that_fits_in_decides_nothing() -> None:
    assert REJECTED.judge(record(*_burst(2, []))).verdict is Verdict.INCONCLUSIVE


def test_untouched_clients_that_stay_are_undisturbed() -> None:
    traffic = Traffic(at=2.0, crowd="crowd", began=1.0, sent=3, received=3, pings=0, answered=3, wrong=0)
    finding = Undisturbed(crowd="crowd").judge(record(attempt(), traffic))
    assert (finding.verdict, finding.observed) == (Verdict.HELD, "all 1 stayed, 3 answers right")


def test_where_that_is_asked_those_who_got_in_are_judged_alone() -> None:
    events = (attempt(), attempt(1, outcome=Outcome.TIMEOUT))
    assert Undisturbed(crowd="crowd").judge(record(*events)).verdict is Verdict.INCONCLUSIVE
    inside = Undisturbed(crowd="crowd", who_got_in=True)
    assert inside.judge(record(*events)).verdict is Verdict.HELD
    assert inside.judge(record(*events, ended(how="reset", code=None))).verdict is Verdict.VIOLATED
    assert inside.judge(record(events[1])).verdict is Verdict.INCONCLUSIVE, "nobody was inside"


def test_one_that_is_cut_off_is_disturbed() -> None:
    finding = Undisturbed(crowd="crowd").judge(record(attempt(), ended(how="reset", code=None)))
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed == "1 of 1 untouched clients were cut off, the first by reset"


def test_one_that_left_by_itself_is_not() -> None:
    assert Undisturbed(crowd="crowd").judge(record(attempt(), ended(by="client"))).verdict is Verdict.HELD


def test_a_wrong_answer_disturbs() -> None:
    traffic = Traffic(at=2.0, crowd="crowd", began=1.0, sent=3, received=3, pings=0, answered=2, wrong=1)
    assert Undisturbed(crowd="crowd").judge(record(attempt(), traffic)).verdict is Verdict.VIOLATED


def test_a_crowd_that_never_got_in_decides_nothing() -> None:
    assert Undisturbed(crowd="crowd").judge(record()).verdict is Verdict.INCONCLUSIVE


CLOSED = ClosedWith(crowd="crowd", codes=(1001,), why="at shutdown")


def test_everyone_is_closed_with_the_code() -> None:
    assert CLOSED.judge(record(attempt(), ended())).verdict is Verdict.HELD


@pytest.mark.parametrize(
    ("how", "code", "observed"),
    [
        ("close", 1006, "close 1006"),
        ("eof", None, "eof"),
        ("reset", None, "reset"),
    ],
)
def test_another_end_is_not_what_was_promised(how: str, code: int | None, observed: str) -> None:
    finding = CLOSED.judge(record(attempt(), ended(how=how, code=code)))
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed == f"1 of 1 clients were not closed with 1001, but: 1 x {observed}"


def test_a_client_that_is_still_open_was_not_closed() -> None:
    finding = CLOSED.judge(record(attempt(), sample(4.0, 1)))
    assert (finding.verdict, finding.observed) == (
        Verdict.VIOLATED,
        "1 of 1 clients were not closed with 1001, but: 1 x still open",
    )


def test_of_a_part_of_the_crowd_only_that_part_is_judged() -> None:
    seen = record(attempt(0), attempt(1), ended(0), ended(1, how="eof", code=None))
    assert replace(CLOSED, only=(0,)).judge(seen).observed == "1/1 closed with 1001"
    assert replace(CLOSED, only=(1,)).judge(seen).verdict is Verdict.VIOLATED
    assert CLOSED.judge(seen).verdict is Verdict.VIOLATED


def test_whoever_was_closed_before_the_server_was_told_to_end_says_nothing_of_its_end() -> None:
    asked = ServerEvent(at=4.0, what="asked to stop", pid=7, detail="SIGTERM")
    cut = ended(0, at=3.0, code=1011)
    finding = CLOSED.judge(record(attempt(0), attempt(1), asked, cut, ended(1, at=4.2)))
    assert (finding.verdict, finding.observed) == (
        Verdict.INCONCLUSIVE,
        "1 of 2 clients had been closed before the server was told to end: 1 x close 1011",
    )
    finding = CLOSED.judge(record(attempt(0), attempt(1), asked, ended(0, at=4.1, code=1011), ended(1, at=4.2)))
    assert finding.verdict is Verdict.VIOLATED
    # A signal arrives before whoever sent it has noted that he did.
    slowly_noted = replace(asked, since=3.9)
    assert CLOSED.judge(record(attempt(0), slowly_noted, ended(0, at=3.95))).verdict is Verdict.HELD
    assert CLOSED.judge(record(attempt(0), slowly_noted, ended(0, at=3.85))).verdict is Verdict.INCONCLUSIVE
    # One that was ended and started again before they came is another matter.
    restarted = replace(asked, at=0.5)
    assert CLOSED.judge(record(restarted, attempt(0), cut)).verdict is Verdict.VIOLATED


TOLD = ClosedWith(crowd="crowd", codes=(), why="when idle")


def test_where_no_code_is_promised_every_code_will_do() -> None:
    finding = TOLD.judge(record(attempt(), ended(code=4001)))
    assert (finding.verdict, finding.observed) == (Verdict.HELD, "1/1 closed with a close frame")
    assert finding.promised == "every client is closed with a close frame when idle"


@pytest.mark.parametrize(
    ("how", "code", "told"), [("reset", None, "reset"), ("timeout", 4001, "timeout 4001"), ("eof", None, "eof")]
)
def test_where_no_code_is_promised_it_is_a_close_frame_still_and_the_end_of_tcp(
    how: str, code: int | None, told: str
) -> None:
    finding = TOLD.judge(record(attempt(), ended(how=how, code=code)))
    assert (finding.verdict, finding.observed) == (
        Verdict.VIOLATED,
        f"1 of 1 clients were not closed with a close frame, but: 1 x {told}",
    )


def test_a_warning_counts_from_its_time_on() -> None:
    warned = Warned(crowd="crowd", pattern="nearly full", since=5.0, what="86 of 100 places")
    assert warned.judge(record(attempt(), frame(6.0, text="nearly full"))).verdict is Verdict.HELD
    early = warned.judge(record(attempt(), frame(4.0, text="nearly full")))
    assert (early.verdict, early.observed) == (Verdict.VIOLATED, "1 of 1 clients got no warning")


EARLY = NotWarnedEarly(crowd="crowd", pattern="nearly full", others=("others",), own=1, threshold=3, limit=10)


@pytest.mark.parametrize(
    ("at", "verdict", "observed"),
    [
        (1.5, Verdict.VIOLATED, "client 0 was warned first, with at most 2 of 10 places taken"),
        (9.0, Verdict.HELD, "client 0 was warned first, with at most 3 of 10 places taken, 7 left"),
    ],
)
def test_a_warning_is_early_while_too_few_have_begun_to_come(at: float, verdict: Verdict, observed: str) -> None:
    first, second = attempt(0), replace(attempt(0), crowd="others", began=2.0, at=8.0)
    finding = EARLY.judge(record(replace(first, began=0.5, at=1.0), second, frame(at, text="nearly full")))
    assert (finding.verdict, finding.observed) == (verdict, observed)
    assert finding.promised == "nobody is warned before 3 of 10 places are taken"


def test_where_nobody_is_warned_nobody_is_warned_early() -> None:
    finding = EARLY.judge(record(attempt(0)))
    assert (finding.verdict, finding.observed) == (Verdict.HELD, "nobody was warned at all")


def test_a_crowd_of_which_some_never_got_in_cannot_be_called_undisturbed() -> None:
    made = record(attempt(0), attempt(1, outcome=Outcome.TIMEOUT, phase="handshake"))
    finding = Undisturbed(crowd="crowd").judge(made)
    assert (finding.verdict, finding.observed) == (
        Verdict.INCONCLUSIVE,
        "1 of 2 clients of 'crowd' never got in",
    )


STAYED = StayedAfterUpgrade(crowd="crowd", quiet=1.0)


def test_whoever_is_let_in_and_stays_is_held() -> None:
    left = ended(0, by="client", how="drop", code=None, at=3.0)
    finding = STAYED.judge(record(*(attempt(client) for client in range(3)), left))
    assert (finding.verdict, finding.figure) == (Verdict.HELD, "3/3")
    assert finding.observed == "all 3 were, without a word"


def test_an_end_after_the_time_that_is_asked_about_is_another_promise_s() -> None:
    late = ended(1, how="close", code=1001, at=2.5)
    assert STAYED.judge(record(*(attempt(client) for client in range(3)), late)).verdict is Verdict.HELD


def test_an_end_right_after_the_101_is_told_by_how_soon_it_came() -> None:
    # The 101 came 5 ms after the attempt began.
    soon = ended(1, how="eof", code=None, at=1.00553)
    later = ended(2, how="reset", code=None, at=1.105)
    finding = STAYED.judge(record(*(attempt(client) for client in range(3)), later, soon))
    assert (finding.verdict, finding.figure) == (Verdict.VIOLATED, "2 cut")
    assert finding.observed == (
        "2 of 3 connections ended after their 101, the first 530us after it, half of them within 530us: "
        "1 x eof, 1 x reset"
    )
    assert finding.promised == "whoever is let in is still there 1s after the 101, also in silence"
    assert finding.evidence == (
        "client 1: eof 530us after the 101",
        "client 2: reset 100ms after the 101",
    )


def test_who_never_got_in_cannot_be_cut_off() -> None:
    refused = attempt(1, outcome=Outcome.REFUSED, phase="tcp")
    assert STAYED.judge(record(attempt(), refused)).verdict is Verdict.INCONCLUSIVE


DOOR = RefusedAtTheDoor(crowds=("no token", "a foreign origin"), within=0.5)


def at_the_door(crowd: str, status: int, *, took: float = 0.01) -> Attempt:
    return attempt(crowd=crowd, outcome=Outcome.HTTP, phase="handshake", status=status, took=took)


def test_all_who_have_no_right_to_come_in_are_refused() -> None:
    finding = DOOR.judge(record(at_the_door("no token", 401), at_the_door("a foreign origin", 403, took=0.02)))
    assert (finding.verdict, finding.observed) == (Verdict.HELD, "2/2 refused, the slowest after 20ms")


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_a_status_that_says_something_else_is_no_refusal(status: int) -> None:
    finding = DOOR.judge(record(at_the_door("no token", status), at_the_door("a foreign origin", 403)))
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed == f"1 of 2 were not refused, the first no token: client 0: HTTP {status} after 10ms"


def test_a_refusal_may_have_other_statuses_where_that_is_said() -> None:
    nowhere = RefusedAtTheDoor(crowds=("lost",), within=0.5, statuses=(400, 403, 404))
    assert nowhere.judge(record(at_the_door("lost", 404))).verdict is Verdict.HELD
    finding = nowhere.judge(record(at_the_door("lost", 503)))
    assert (finding.verdict, finding.promised) == (
        Verdict.VIOLATED,
        "lost: refused with HTTP 400 to 404 before the 101, within 500ms",
    )
    promised = DOOR.judge(record(at_the_door("no token", 401), at_the_door("a foreign origin", 403))).promised
    assert promised == "no token, a foreign origin: refused with HTTP 401 or 403 before the 101, within 500ms"


def test_one_that_is_let_in_or_closed_after_the_101_was_not_refused() -> None:
    let_in = attempt(crowd="a foreign origin")
    finding = DOOR.judge(record(at_the_door("no token", 401), let_in))
    assert finding.observed == "1 of 2 were not refused, the first a foreign origin: client 0: open after 10ms"
    closed = attempt(crowd="a foreign origin", outcome=Outcome.CLOSED, code=1008)
    assert DOOR.judge(record(at_the_door("no token", 401), closed)).verdict is Verdict.VIOLATED


def test_a_refusal_that_takes_too_long_and_one_that_nobody_tried() -> None:
    late = at_the_door("a foreign origin", 403, took=0.8)
    assert DOOR.judge(record(at_the_door("no token", 401), late)).verdict is Verdict.VIOLATED
    finding = DOOR.judge(record(at_the_door("no token", 401)))
    assert (finding.verdict, finding.observed) == (Verdict.INCONCLUSIVE, "nobody tried with a foreign origin")
