"""Starts with bad settings: refused, in time, and by name."""

from __future__ import annotations

import pytest

from chaos.expectations import RefusedAtStart
from chaos.journal import StartTried
from chaos.verdict import Verdict
from tests.unit.expectations.records import late, record

REFUSED = RefusedAtStart(tried=2, within=1.0)


def tried(
    value: str = "many",
    *,
    began: float = 10.0,
    took: float = 0.4,
    became: str = "ended",
    code: int | None = 2,
    said: tuple[str, ...] = ("starting", "bad setting LIMIT: found 'many'"),
) -> StartTried:
    return StartTried(
        at=began + took, began=began, variable="LIMIT", value=value, became=became, exit_code=code, said=said
    )


GOOD = tried("0")


def test_refused() -> None:
    finding = REFUSED.judge(record(GOOD, tried(took=0.6)))
    assert (finding.verdict, finding.figure) == (Verdict.HELD, "2/2 600ms")
    assert finding.observed == "2 bad settings refused, the slowest after 600ms"
    assert finding.promised == (
        "with each of 2 bad settings the server ends within 1s, with an exit code other than 0 and a log that names "
        "the variable"
    )


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (tried(became="healthy", code=None), "started a server that serves"),
        (tried(became="neither", code=None, took=20.0), "started a server that neither ends nor serves"),
        (tried(code=0), "ended it with exit code 0, as if all were well"),
        (tried(code=-11), "ended it by signal 11"),
        (
            tried(said=("Traceback", "ValueError")),
            "ended it without a word of that variable; its last line was 'ValueError'",
        ),
        (tried(said=()), "ended it without a word of that variable; its last line was ''"),
    ],
)
def test_not_refused(bad: StartTried, what: str) -> None:
    finding = REFUSED.judge(record(GOOD, bad))
    assert (finding.verdict, finding.figure) == (Verdict.VIOLATED, "1/2")
    assert finding.observed == f"1 of 2 bad settings were not refused; LIMIT='many' {what}"
    assert finding.evidence == (f"LIMIT='many' {what}",)


def test_one_that_was_not_looked_at_for_as_long_as_it_may_take() -> None:
    finding = REFUSED.judge(record(GOOD, tried(became="neither", code=None, took=0.9)))
    assert (finding.verdict, finding.observed) == (
        Verdict.INCONCLUSIVE,
        "1 of 2 bad settings were not refused; LIMIT='many' started a server that neither ends nor serves, and nobody "
        "looked longer",
    )


def test_refused_too_late() -> None:
    slow = tried(took=1.2)
    finding = REFUSED.judge(record(GOOD, slow))
    assert (finding.verdict, finding.evidence) == (Verdict.VIOLATED, ("LIMIT='many'",))
    assert finding.observed == "2 bad settings refused, the slowest after 1.2s"
    assert REFUSED.judge(record(GOOD, slow, late(0.3, at=11.0))).verdict is Verdict.INCONCLUSIVE


def test_not_all_of_them_were_tried() -> None:
    finding = REFUSED.judge(record(GOOD))
    assert (finding.verdict, finding.observed) == (
        Verdict.INCONCLUSIVE,
        "only 1 of 2 bad settings were tried",
    )
