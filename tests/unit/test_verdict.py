"""Held, violated or inconclusive; the worst wins."""

from __future__ import annotations

from itertools import permutations

import pytest

from chaos.verdict import Finding, Verdict

HELD, INCONCLUSIVE, VIOLATED = Verdict.HELD, Verdict.INCONCLUSIVE, Verdict.VIOLATED


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        ((), INCONCLUSIVE),
        ((HELD,), HELD),
        ((HELD, HELD), HELD),
        ((HELD, INCONCLUSIVE), INCONCLUSIVE),
        ((HELD, VIOLATED), VIOLATED),
        ((HELD, INCONCLUSIVE, VIOLATED), VIOLATED),
    ],
)
def test_the_worst_wins_in_any_order(verdicts: tuple[Verdict, ...], worst: Verdict) -> None:
    assert {Verdict.worst(order) for order in permutations(verdicts)} == {worst}


def test_a_generator_without_verdicts_is_inconclusive() -> None:
    assert Verdict.worst(iter(())) is INCONCLUSIVE


def test_a_finding_reads_as_one_sentence() -> None:
    finding = Finding(
        expectation="released_within",
        verdict=VIOLATED,
        observed="4 of 10 dead connections still held after 1.2s",
        promised="released within 900ms",
    )
    assert finding.sentence() == "4 of 10 dead connections still held after 1.2s; promised: released within 900ms"
