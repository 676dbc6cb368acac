"""What is judged at the end of a scenario: what it asks for, and what is asked of every one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chaos.expectations import Expectation, FaultsBit, FaultsHealed, ServerSurvived, SteadyBefore
from chaos.experiment.outcome import Inconclusive, NotJudged
from chaos.faults import Composed
from chaos.faults.base import Fault
from chaos.journal import FindingMade
from chaos.verdict import Verdict

__all__ = ["asked_of_every_one", "sound", "that_mean_something"]


def that_mean_something(expectations: Sequence[Expectation], *, faults_allowed: bool) -> list[Expectation]:
    """Those that can be judged where faults were left out, or all.

    Raises Inconclusive when nothing was given to judge, and NotJudged when nothing of it means anything without faults.
    """
    if not expectations:
        raise Inconclusive("nothing was given to judge")
    wanted = [item for item in expectations if faults_allowed or not item.needs_fault]
    if not wanted:
        raise NotJudged("without its fault there is nothing to judge here")
    return wanted


def sound(findings: Sequence[FindingMade]) -> list[FindingMade]:
    """The findings, where all was well before; else that it was not, first, and what clients met is nobody's breach.

    A server that has died is to blame all the same.
    """
    unsteady = [finding for finding in findings if finding.expectation == SteadyBefore.name]
    if all(finding.verdict == Verdict.HELD for finding in unsteady):
        return list(findings)
    others = [finding for finding in findings if finding not in unsteady]
    return [*unsteady, *map(_undecided, others)]


def _undecided(finding: FindingMade) -> FindingMade:
    if finding.verdict != Verdict.VIOLATED or finding.expectation == ServerSurvived.name:
        return finding
    observed = f"{finding.observed}, and all was not well before"
    return replace(finding, verdict=Verdict.INCONCLUSIVE.value, observed=observed)


def asked_of_every_one(fault: Fault | None, *, vouched: bool = False) -> list[Expectation]:
    """Whether the experiment was sound: all was well before, the fault of the cell bit, everything healed.

    The parts of a composed one may have been injected one by one. `vouched`: the exchange is known to be as the target
    file says, so that whom the server never answers in calm it should have answered.
    """
    parts = tuple(part.name for part in fault.parts) if isinstance(fault, Composed) else ()
    return [SteadyBefore(vouched=vouched), FaultsBit(None if fault is None else fault.name, parts), FaultsHealed()]
