from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.expectations import AnsweredAsAllowed, Record
from chaos.hostile.catalogue import CASES, Input
from chaos.journal import HostileAnswer
from chaos.verdict import Verdict
from tests.unit.expectations.records import late, record

SIZES = AnsweredAsAllowed(kind=Input.SIZES, limit=0.8)

LARGEST = HostileAnswer(
    at=10.0, inputs=Input.SIZES.value, case="largest message", reaction="served", delivered=True, took=0.01
)
TOO_BIG = replace(LARGEST, case="message too big", reaction="closed", code=1009, took=0.02, released_after=0.3)
FRAGMENTS = replace(TOO_BIG, case="fragments too big", released_after=0.03)


def _answers(*changed: HostileAnswer) -> Record:
    """All right but those that were changed."""
    by_case = {answer.case: answer for answer in (LARGEST, TOO_BIG, FRAGMENTS, *changed)}
    return record(*by_case.values())


def test_all_as_allowed() -> None:
    finding = SIZES.judge(_answers())
    assert (finding.verdict, finding.figure) == (Verdict.HELD, "300ms")
    assert finding.observed == "3 answered as allowed, the slowest after 300ms: message too big"
    assert finding.promised == (
        "each of messages at and beyond the limit gets an allowed answer within 800ms; largest message: who closes "
        "with 1003 or 1007 refuses what it says, and has taken its size (RFC 6455, 7.4.1)"
    )


@pytest.mark.parametrize("code", [1003, 1007])
def test_who_refuses_what_a_message_says_has_taken_its_size(code: int) -> None:
    refused = replace(LARGEST, reaction="closed", code=code, released_after=0.02)
    finding = SIZES.judge(_answers(refused))
    assert (finding.verdict, finding.figure) == (Verdict.HELD, "300ms")
    # What is too big is that, whatever it says.
    assert SIZES.judge(_answers(replace(FRAGMENTS, code=code))).verdict is Verdict.VIOLATED
    assert SIZES.judge(_answers(replace(TOO_BIG, code=code))).verdict is Verdict.VIOLATED


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            replace(FRAGMENTS, code=1002),
            "fragments too big, fragments of which only the last byte is beyond the promised size: "
            "close 1002 after 30ms; allowed: close 1009",
        ),
        (
            replace(FRAGMENTS, released_after=None),
            "fragments too big, fragments of which only the last byte is beyond the promised size: "
            "close 1009, and TCP was held after 20ms; allowed: close 1009",
        ),
        (
            replace(TOO_BIG, reaction="nothing", code=None, took=1.6, released_after=None),
            "message too big, a frame that is one byte beyond the promised size: "
            "neither answered nor ended within 1.6s; allowed: close 1009 or the end of TCP",
        ),
        (
            replace(LARGEST, reaction="ended", released_after=0.01),
            "largest message, a message of just the promised size: the end of TCP after 10ms; "
            "allowed: close 1003/1007 or being served",
        ),
        (
            replace(LARGEST, reaction="closed", code=1009, released_after=0.01),
            "largest message, a message of just the promised size: close 1009 after 10ms; "
            "allowed: close 1003/1007 or being served",
        ),
        (
            replace(LARGEST, reaction="closed", code=1003, released_after=None),
            "largest message, a message of just the promised size: close 1003, and TCP was held after 10ms; "
            "allowed: close 1003/1007 or being served",
        ),
        (
            replace(
                LARGEST,
                reaction="invalid",
                detail="b'HTTP/1.1 500' in place of a frame",
                released_after=None,
                took=0.01,
            ),
            "largest message, a message of just the promised size: b'HTTP/1.1 500' in place of a frame after 10ms; "
            "allowed: close 1003/1007 or being served",
        ),
        (
            replace(LARGEST, reaction="dismissed", detail="an Engine.IO close packet", released_after=None),
            "largest message, a message of just the promised size: an Engine.IO close packet, and TCP was held after "
            "10ms; allowed: close 1003/1007 or being served",
        ),
        (
            replace(LARGEST, reaction="http", status=500),
            "largest message, a message of just the promised size: HTTP 500 after 10ms; "
            "allowed: close 1003/1007 or being served",
        ),
    ],
    ids=["code", "held", "nothing", "ended", "too big", "TCP held", "no frame", "goodbye", "status"],
)
def test_a_wrong_answer_is_named(wrong: HostileAnswer, told: str) -> None:
    finding = SIZES.judge(_answers(wrong))
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed == f"1 of 3 not answered as allowed, the first: {told}"
    assert finding.figure == "1 wrong"
    assert finding.evidence == (told,)


def test_served_where_it_has_to_be_refused() -> None:
    finding = SIZES.judge(_answers(replace(TOO_BIG, reaction="served", code=None, released_after=None)))
    assert finding.verdict is Verdict.VIOLATED
    assert ": served after 20ms; allowed: " in finding.observed


def test_a_right_answer_may_come_too_late() -> None:
    too_late = _answers(replace(TOO_BIG, released_after=1.2))
    finding = SIZES.judge(too_late)
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed == "3 answered as allowed, the slowest after 1.2s: message too big"
    ours = SIZES.judge(Record(replace(too_late.journal, events=(*too_late.journal.events, late(0.5)))))
    assert ours.verdict is Verdict.INCONCLUSIVE


def test_what_was_not_answered_may_be_owed_to_others() -> None:
    """Waited for twice the limit: what kept everybody for as long as that explains it, and nothing less does."""
    absent = replace(TOO_BIG, reaction="nothing", code=None, took=1.6, released_after=None)
    finding = SIZES.judge(
        Record(replace(_answers(absent).journal, events=(*_answers(absent).journal.events, late(0.9))))
    )
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.observed.startswith("1 of 3 not answered as allowed, the first: message too big")
    less = SIZES.judge(Record(replace(_answers(absent).journal, events=(*_answers(absent).journal.events, late(0.7)))))
    assert less.verdict is Verdict.VIOLATED
    # One that was answered wrongly is so however late anybody was.
    both = _answers(absent, replace(FRAGMENTS, code=1002))
    assert (
        SIZES.judge(Record(replace(both.journal, events=(*both.journal.events, late(0.9))))).verdict is Verdict.VIOLATED
    )


def test_tcp_that_was_held_after_the_right_answer_may_be_owed_to_others() -> None:
    """It was waited for twice the limit, from the answer on."""
    held = replace(TOO_BIG, at=11.62, took=0.02, released_after=None)

    def judged(answers: Record, seconds: float) -> Verdict:
        journal = answers.journal
        return SIZES.judge(Record(replace(journal, events=(*journal.events, late(seconds))))).verdict

    assert judged(_answers(held), 0.9) is Verdict.INCONCLUSIVE
    assert judged(_answers(held), 0.8) is Verdict.VIOLATED
    assert judged(_answers(held), 0.0) is Verdict.VIOLATED
    # What it said is its own, and so is another that was answered wrongly.
    assert judged(_answers(replace(held, code=1002)), 0.9) is Verdict.VIOLATED
    assert judged(_answers(held, replace(FRAGMENTS, code=1002)), 0.9) is Verdict.VIOLATED


@pytest.mark.parametrize(
    ("reaction", "status", "seconds", "verdict"),
    [
        ("ended", None, 0.0, Verdict.VIOLATED),
        ("ended", None, 0.19, Verdict.VIOLATED),
        ("ended", None, 0.21, Verdict.INCONCLUSIVE),
        ("http", 408, 0.21, Verdict.INCONCLUSIVE),
        ("served", None, 0.21, Verdict.HELD),
        ("closed", 1011, 0.21, Verdict.VIOLATED),
    ],
)
def test_a_request_with_pauses_may_have_come_too_slowly(
    reaction: str, status: int | None, seconds: float, verdict: Verdict
) -> None:
    """Its pauses are 0.4 s together: what kept its client for half as long may have cost it the rest of its time."""
    served = [
        HostileAnswer(
            at=10.0, inputs=Input.ALLOWED_HANDSHAKES.value, case=case.name, reaction="served", delivered=True, took=0.01
        )
        for case in CASES[Input.ALLOWED_HANDSHAKES]
        if case.name not in ("unknown path", "request with pauses")
    ]
    lost = replace(served[0], case="unknown path", reaction="http", status=404)
    code = 1011 if reaction == "closed" else None
    paused = replace(served[0], case="request with pauses", reaction=reaction, status=status, code=code)
    judge = AnsweredAsAllowed(kind=Input.ALLOWED_HANDSHAKES, limit=2.0)
    assert judge.judge(record(*served, lost, paused, late(seconds))).verdict is verdict


def test_what_was_not_sent_decides_nothing() -> None:
    finding = SIZES.judge(record(LARGEST, TOO_BIG))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.observed == "not sent, or not answered yet: fragments too big"


def test_an_extension_that_was_not_agreed_on_decides_nothing() -> None:
    answers = [
        HostileAnswer(
            at=1.0, inputs=Input.BOMBS.value, case=case.name, reaction="unagreed", delivered=True, took=0.0,
            detail="permessage-deflate was not agreed on",
        )
        for case in CASES[Input.BOMBS]
    ]  # fmt: skip
    finding = AnsweredAsAllowed(kind=Input.BOMBS, limit=0.8).judge(record(*answers))
    assert (finding.verdict, finding.observed) == (Verdict.INCONCLUSIVE, "permessage-deflate was not agreed on")


def test_answers_to_other_inputs_are_not_judged() -> None:
    other = replace(LARGEST, inputs=Input.FLOODS.value, case="flood of pings", reaction="nothing")
    assert SIZES.judge(record(LARGEST, TOO_BIG, FRAGMENTS, other)).verdict is Verdict.HELD


@pytest.mark.parametrize("kind", list(Input))
def test_each_kind_has_cases(kind: Input) -> None:
    assert CASES[kind]
