from __future__ import annotations

import pytest

from chaos.contract import FloodAnswer
from chaos.expectations import FloodAnswered, SentAtRate
from chaos.verdict import Verdict
from tests.unit.expectations.records import attempt, ended, record


def _answered(answer: FloodAnswer = FloodAnswer.CLOSE_1008, *, sent: int = 0, answered: int = 0) -> FloodAnswered:
    return FloodAnswered(crowd="crowd", answer=answer, sent=sent, answered=answered)


def test_closed_with_the_promised_code_is_held() -> None:
    finding = _answered().judge(record(attempt(), ended(code=1008)))
    assert (finding.verdict, finding.figure) == (Verdict.HELD, "0 served, 1 closed with 1008")
    assert finding.promised == "a client that floods is served or closed with 1008"


def test_served_is_held_whatever_is_promised() -> None:
    for answer in FloodAnswer:
        assert _answered(answer, sent=1, answered=1).judge(record(attempt())).verdict is Verdict.HELD


def test_closed_where_it_is_to_be_served_is_not() -> None:
    finding = _answered(FloodAnswer.SERVED).judge(record(attempt(), ended(code=1008, reason="enough")))
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed == "1 of 1 clients that flooded were cut off, the first by close 1008 enough"
    assert finding.promised == "a client that floods is served"


def test_another_code_is_not_what_was_promised() -> None:
    finding = _answered(FloodAnswer.CLOSE_1013).judge(record(attempt(), ended(code=1008)))
    assert finding.verdict is Verdict.VIOLATED


def test_a_reset_is_no_answer() -> None:
    finding = _answered().judge(record(attempt(), ended(how="reset", code=None)))
    assert (finding.verdict, finding.figure) == (Verdict.VIOLATED, "1 cut")
    assert finding.observed == "1 of 1 clients that flooded were cut off, the first by reset"


def test_a_close_frame_behind_which_tcp_is_held_is_not_either() -> None:
    assert _answered().judge(record(attempt(), ended(how="timeout", code=1008))).verdict is Verdict.VIOLATED


def test_whoever_is_still_there_is_answered() -> None:
    finding = _answered(sent=1, answered=0).judge(record(attempt()))
    assert (finding.verdict, finding.figure) == (Verdict.VIOLATED, "0/1")
    assert finding.observed == "1 of 1 clients that had flooded were not answered any more"


def test_whom_the_server_was_too_slow_for_has_left_by_itself() -> None:
    finding = _answered().judge(record(attempt(), ended(by="client", how="reset", code=None)))
    assert finding.verdict is Verdict.HELD


def test_nobody_floods_where_nobody_got_in() -> None:
    assert _answered().judge(record()).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("sent", "verdict", "observed"),
    [
        (2400, Verdict.HELD, "they sent 1000 messages a second each"),
        (2200, Verdict.HELD, "they sent 917 messages a second each"),
        (
            2000,
            Verdict.INCONCLUSIVE,
            "they sent 833 messages a second each, for each waits for the answers to the ones before: that says "
            "nothing of 1000",
        ),
    ],
)
def test_fewer_than_are_promised_show_nothing_of_a_limit(sent: int, verdict: Verdict, observed: str) -> None:
    finding = SentAtRate(clients=2, rate=1000, seconds=1.2, sent=sent).judge(record(attempt()))
    assert (finding.verdict, finding.observed) == (verdict, observed)
    assert finding.promised == "2 clients send 1000 messages a second each for 1.2s"
