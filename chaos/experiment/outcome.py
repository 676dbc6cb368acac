"""How a scenario ends that is not held: what `Experiment.judge` raises."""

from __future__ import annotations

import time
from collections.abc import Iterable

from chaos.journal import FindingMade
from chaos.verdict import Finding, Verdict

__all__ = ["Inconclusive", "NotJudged", "Violated", "Worse", "as_event", "raise_worse"]


class Violated(AssertionError):
    """A promise was broken."""


class Inconclusive(AssertionError):
    """Nothing can be said of the server: the experiment was not sound. Never green."""


class NotJudged(Exception):
    """Nothing can be judged here, for a reason that is neither the server's fault nor ours: neither green nor red."""


class Worse(ExceptionGroup[AssertionError]):
    """All findings of one scenario that are not held."""


def as_event(finding: Finding) -> FindingMade:
    """A finding as it goes into the journal."""
    return FindingMade(
        at=time.monotonic(),
        expectation=finding.expectation,
        verdict=finding.verdict.value,
        observed=finding.observed,
        promised=finding.promised,
        figure=finding.figure,
        evidence=finding.evidence,
    )


def raise_worse(findings: Iterable[FindingMade]) -> None:
    """Raise `Worse` with every finding that is not held, its message the worst verdict; nothing when all are."""
    bad = [finding for finding in findings if finding.verdict != Verdict.HELD]
    if bad:
        verdict = Verdict.worst(Verdict(finding.verdict) for finding in bad)
        raise Worse(verdict.value, [_as_error(finding) for finding in bad])


def _as_error(finding: FindingMade) -> AssertionError:
    text = f"{finding.observed}; promised: {finding.promised}"
    return Violated(text) if finding.verdict == Verdict.VIOLATED else Inconclusive(text)
