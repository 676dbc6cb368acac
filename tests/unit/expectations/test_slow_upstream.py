"""An answer that is late and not too late, and who is to blame where it is not its caller's."""

from __future__ import annotations

from chaos.expectations import WaitedFor
from chaos.journal import Call, Hit, Source
from chaos.verdict import Verdict
from tests.unit.expectations.records import record

WAITED = WaitedFor(start=10.0, end=20.0, delay=0.4, within=0.5)


def call(began: float, source: Source = Source.LIVE, *, took: float = 0.41) -> Call:
    return Call(at=began + took, began=began, source=source)


def test_everybody_has_the_answer() -> None:
    found = WAITED.judge(record(call(11.0), call(12.0, took=0.43)))
    assert (found.verdict, found.figure) == (Verdict.HELD, "2/2 live")
    assert found.observed == (
        "2 of 2 calls got the answer of an upstream that takes 400ms, the last of them after 430ms"
    )
    assert found.promised == "an answer that comes within 500ms is waited for, and is its caller's"


def test_a_call_that_is_given_up_sooner_was_not_waited_for() -> None:
    found = WAITED.judge(record(call(11.0), call(12.0, Source.CACHED, took=0.3)))
    assert (found.verdict, found.figure) == (Verdict.VIOLATED, "1/2 live")
    assert found.observed == (
        "1 of 2 calls got the answer of an upstream that takes 400ms; the first of the others got cached after 300ms"
    )


def test_a_call_that_is_not_made_was_not_waited_for() -> None:
    found = WAITED.judge(record(call(11.0), call(12.0, Source.UNAVAILABLE, took=0.01)))
    assert found.verdict is Verdict.VIOLATED


def test_an_answer_that_was_late_by_itself_blames_nobody_nor_does_what_comes_after_it() -> None:
    found = WAITED.judge(record(call(11.0, Source.CACHED, took=0.6), call(12.0, Source.CACHED, took=0.01)))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.observed == (
        "0 of 2 calls got the answer of an upstream that takes 400ms; the first of the others got cached after 600ms: "
        "the answer may have been late by itself"
    )


def test_the_server_may_have_asked_long_before_the_request_was_read() -> None:
    """On a machine under load an upstream read a request 160 ms late, and 90 ms later it was given up, rightly."""
    late = Hit(at=11.4, path="/data", status=200)
    assert WAITED.judge(record(call(11.0, Source.CACHED, took=0.55), late)).verdict is Verdict.INCONCLUSIVE


def test_an_end_is_no_patience() -> None:
    assert WAITED.judge(record(call(11.0, Source.NONE, took=0.6))).verdict is Verdict.VIOLATED


def test_without_a_call_there_is_nothing_to_say() -> None:
    assert WAITED.judge(record(call(9.0))).verdict is Verdict.INCONCLUSIVE
