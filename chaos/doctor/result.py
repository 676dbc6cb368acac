"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chaos.capability import Capability

__all__ = ["CheckResult", "State"]


class State(StrEnum):
    """How it stands with one thing."""

    OK = "ok"
    LIMITED = "limited"
    """It works, with a limit that may show in figures or in what can be asked."""
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One thing that was tried, what was found, and what would help where it is not as it should be."""

    name: str
    state: State
    found: str
    """What was seen, with figures."""
    remedy: str = ""
    without: tuple[Capability, ...] = ()
    """Capabilities that are missing because of it, in the runtime named in `runtime`."""
    runtime: str = "processes"
    """Which runtime `without` concerns."""
    leaves_out: str = ""
    """In words, what is not to be had where no capability says it."""
