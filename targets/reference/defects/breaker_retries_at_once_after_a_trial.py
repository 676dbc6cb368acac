"""Forgets to start the timer anew when a trial has failed: the open circuit's time has long been over.

Breaks "tries again after its timeout, with no more than the declared trials": after the first trial each call is
another one, and the upstream, still down, gets all the traffic back.
"""

from __future__ import annotations

from reference_server.breaker import State
from reference_server.parts import Parts

DESCRIPTION = "after a failed trial the breaker does not wait again: each call from then on is a trial"


def install(parts: Parts) -> None:
    """A re-opened circuit is as old as it was, and its wait does not grow."""
    breaker = parts.upstream_breaker
    enter = breaker._enter
    opened_at = 0.0

    def keep_the_time(state: State, *, at: float | None = None) -> None:
        nonlocal opened_at
        again = breaker._state is State.HALF_OPEN and state is State.OPEN
        enter(state, at=at)
        if again:
            breaker._entered_at = opened_at
            breaker.failed_recoveries = 0
        elif state is State.OPEN:
            opened_at = breaker._entered_at

    breaker._enter = keep_the_time  # type: ignore[method-assign]  # a defect replaces a method
