"""Closes the circuit with the count of failures that had opened it.

Breaks "starts over once it has closed": after an outage the first call that fails opens it again. The count is cleared
by the next success, so whoever looks a moment later finds nothing.
"""

from __future__ import annotations

from reference_server.breaker import State
from reference_server.parts import Parts

DESCRIPTION = "a breaker that closes keeps its count of failures until the next success"


def install(parts: Parts) -> None:
    """One failure less than opens it."""
    breaker = parts.upstream_breaker
    enter = breaker._enter

    def keep_the_count(state: State, *, at: float | None = None) -> None:
        closes = state is State.CLOSED and breaker._state is State.HALF_OPEN
        enter(state, at=at)
        if closes:
            breaker.consecutive_failures = breaker.policy.failure_threshold - 1

    breaker._enter = keep_the_count  # type: ignore[method-assign]  # a defect replaces a method
