"""Lets a call go on after its time-out, and counts the error that it ends with for what the circuit is by then.

Breaks a recovery: every call of the outage fails twice, once when it is given up and once when its error comes. By then
the circuit is half-open, or has closed again in front of an upstream that is well.
"""

from __future__ import annotations

from reference_server.breaker import State
from reference_server.parts import Parts

from defects._late_answers import when_late

DESCRIPTION = "the error of a call that was given up before the circuit opened counts once it has closed, or is tried"


def install(parts: Parts) -> None:
    """A failure is a failure, whenever it comes; while open there is nothing to count."""
    breaker = parts.upstream_breaker

    def count() -> None:
        if breaker.state is not State.OPEN:
            breaker._failed("late")

    when_late(parts, count, failed=True)
