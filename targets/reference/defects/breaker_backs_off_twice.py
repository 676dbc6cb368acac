"""Counts a trial that failed twice, where it fails and where the circuit opens again.

Breaks "waits longer each time": the circuit stays open for four times as long where twice is promised, so an upstream
that has been back for long is still not asked.
"""

from __future__ import annotations

from reference_server.breaker import State
from reference_server.parts import Parts

DESCRIPTION = "each failed trial counts twice for the breaker's back-off"


def install(parts: Parts) -> None:
    """Once more on the way from half-open to open."""
    breaker = parts.upstream_breaker
    enter = breaker._enter

    def enter_and_count(state: State, *, at: float | None = None) -> None:
        if state is State.OPEN and breaker._state is State.HALF_OPEN:
            breaker.failed_recoveries += 1
        enter(state, at=at)

    breaker._enter = enter_and_count  # type: ignore[method-assign]  # a defect replaces a method
