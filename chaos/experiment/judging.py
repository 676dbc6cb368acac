"""What is judged at the end of a scenario: what it asks for, and what is asked of every one."""

from __future__ import annotations

from collections.abc import Sequence

from chaos.expectations import Expectation, FaultsBit, FaultsHealed, SteadyBefore
from chaos.experiment.outcome import Inconclusive, NotJudged

__all__ = ["asked_of_every_one", "that_mean_something"]


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


def asked_of_every_one(fault: str | None) -> list[Expectation]:
    """Whether the experiment was sound: all was well before, the fault of the cell bit, everything healed."""
    return [SteadyBefore(), FaultsBit(fault), FaultsHealed()]
