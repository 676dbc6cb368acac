"""Clears the count of failures when the circuit opens, and forgets that of the trials that went well.

Breaks the trials of a half-open circuit: the success of one period and that of the next make two, and close it in front
of an upstream that has failed a trial in between.
"""

from __future__ import annotations

from reference_server.breaker import State
from reference_server.parts import Parts

DESCRIPTION = "successful trials are kept when another trial fails, and close the circuit with those of the next time"


def install(parts: Parts) -> None:
    """Put them back until it closes."""
    breaker = parts.upstream_breaker
    enter = breaker._enter

    def keep_the_successes(state: State, *, at: float | None = None) -> None:
        kept = breaker.probe_successes
        enter(state, at=at)
        if state is not State.CLOSED:
            breaker.probe_successes = kept

    breaker._enter = keep_the_successes  # type: ignore[method-assign]  # a defect replaces a method
