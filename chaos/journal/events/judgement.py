"""What was found, by which figures, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass

from chaos.journal.events.base import Event

__all__ = ["FindingMade", "ReleaseAwaited", "VerdictGiven"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingMade(Event):
    """A judgement; the fields are those of `chaos.verdict.Finding`."""

    expectation: str
    verdict: str
    observed: str
    promised: str
    figure: str = ""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseAwaited(Event):
    """By what the release of dead connections was judged: with the samples, all that their detection times take."""

    dead: int
    """How many connections died, each time."""
    remaining: int
    """How many others the server rightly keeps."""
    limit: float
    """Seconds from the fault's bite within which all of them are to be released."""
    why: str
    """How the limit comes about: "heartbeat interval 300ms + heartbeat timeout 300ms"."""
    times: int = 1
    """How often so many died, one time after the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictGiven(Event):
    """The scenario's verdict. `outcome` is held, violated, inconclusive, or skipped with the reason in `detail`."""

    outcome: str
    promise: str
    """The family of the promise as in the contract: "liveness"."""
    scenario: str
    """What is promised, in a few words: "dead peers are found"; the name of the matrix's row."""
    fault: str
    """The fault's name, the matrix's column; empty for a scenario without one."""
    node: str
    detail: str = ""
    figure: str = ""
    seconds: float = 0.0
    expects: str = ""
    """The promise in prose, with the figures it was held to; the report prints it above the findings."""
    fault_family: str = ""
    """Where the fault acts ("network", "client"): columns of one family stand together."""
