"""Forgets to take the back-off back when the circuit closes.

Breaks "starts over once it has closed": the first outage goes as it should. In the next one the circuit stays open for
as long as it would have at the end of the first, and in the third for longer still.
"""

from __future__ import annotations

from reference_server.breaker import State
from reference_server.parts import Parts

DESCRIPTION = "the breaker's back-off of one outage is kept for the next one"


def install(parts: Parts) -> None:
    """Put it back when it closes."""
    breaker = parts.upstream_breaker
    enter = breaker._enter

    def keep_the_back_off(state: State, *, at: float | None = None) -> None:
        kept = breaker.failed_recoveries
        enter(state, at=at)
        breaker.failed_recoveries = kept

    breaker._enter = keep_the_back_off  # type: ignore[method-assign]  # a defect replaces a method
