"""The core that a server uses for the same work, before a fault and after it."""

from __future__ import annotations

import pytest

from chaos.expectations import AsBusyAsBefore
from chaos.journal import Sample
from chaos.verdict import Verdict
from tests.unit.expectations.records import record

BEFORE, AGAIN = (10.05, 11.95), (20.05, 21.95)
JUDGED = AsBusyAsBefore(before=BEFORE, again=AGAIN, when="2s after client-reset had healed")


def samples(*, was: float, share: float, waited: float = 0.0) -> list[Sample]:
    """Twelve seconds, read every tenth of one: shares of a core used before and from the middle on, and of the time for
    which it waited for one from then on."""
    return [
        Sample(
            at=10.0 + step / 10,
            took=0.001,
            cpu=was * min(step, 60) / 10 + share * max(0, step - 60) / 10,
            waited=waited * max(0, step - 60) / 10,
            busy=step / 5,
            cores=2,
        )
        for step in range(121)
    ]


def judged(*, was: float, share: float, waited: float = 0.0) -> tuple[Verdict, str, str]:
    finding = JUDGED.judge(record(*samples(was=was, share=share, waited=waited)))
    return finding.verdict, finding.observed, finding.promised


def test_as_much_as_before_is_held() -> None:
    assert judged(was=0.06, share=0.07) == (
        Verdict.HELD,
        "0.07 of a core was used 2s after client-reset had healed, in 2s",
        "no more than 0.12 of a core for what took 0.06 before the fault",
    )


@pytest.mark.parametrize(
    ("was", "share", "verdict"),
    [
        (0.06, 0.13, Verdict.VIOLATED),
        (0.3, 0.59, Verdict.HELD),
        (0.3, 0.61, Verdict.VIOLATED),
        (0.01, 0.09, Verdict.HELD),  # next to nothing
        (0.01, 0.11, Verdict.VIOLATED),
    ],
)
def test_twice_as_much_is_the_most(was: float, share: float, verdict: Verdict) -> None:
    assert judged(was=was, share=share)[0] is verdict


def test_what_it_had_to_wait_for_excuses_nothing() -> None:
    assert judged(was=0.06, share=0.5, waited=0.5)[0] is Verdict.VIOLATED


def test_who_used_half_of_what_it_was_left_may_have_done_so_for_no_reason() -> None:
    # Seen on a busy machine: it needed 0.15 of a core, and waited for one for a third of the time.
    assert judged(was=0.13, share=0.15, waited=0.36)[0] is Verdict.HELD
    verdict, observed, _ = judged(was=0.06, share=0.06, waited=0.9)
    assert verdict is Verdict.INCONCLUSIVE
    assert "others kept the server waiting" in observed


@pytest.mark.parametrize("read", [slice(40), slice(60, None), slice(0)], ids=["before", "again", "never"])
def test_what_nobody_read_is_not_judged(read: slice) -> None:
    finding = JUDGED.judge(record(*samples(was=0.1, share=0.1)[read]))
    assert (finding.verdict, finding.observed) == (
        Verdict.INCONCLUSIVE,
        "nobody could read what it used 2s after client-reset had healed, or before",
    )
