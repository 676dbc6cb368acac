"""How a scenario ends that is not held: what `Experiment.judge` raises."""

from __future__ import annotations

from chaos.verdict import Finding, Verdict

__all__ = ["Inconclusive", "Violated", "Worse", "as_error"]


class Violated(AssertionError):
    """A promise was broken."""


class Inconclusive(AssertionError):
    """Nothing can be said of the server: the experiment was not sound. Never green."""


class Worse(ExceptionGroup[AssertionError]):
    """All findings of one scenario that are not held."""


def as_error(finding: Finding) -> AssertionError:
    text = finding.sentence()
    return Violated(text) if finding.verdict is Verdict.VIOLATED else Inconclusive(text)
