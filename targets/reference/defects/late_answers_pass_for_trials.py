"""Knows a trial by the state that the circuit is in when an answer comes, not by the call that it answers.

Breaks the trials of a half-open circuit: the answer to a call of before it opened comes while a trial is under way, and
closes it. The trial fails, and everybody is let through.
"""

from __future__ import annotations

from reference_server.breaker import State
from reference_server.parts import Parts

from defects._late_answers import when_late

DESCRIPTION = "an answer to a call of before the circuit opened passes for that of a trial, and closes it"


def install(parts: Parts) -> None:
    """No generation, only a state."""
    breaker = parts.upstream_breaker

    def close() -> None:
        if breaker.state is State.HALF_OPEN:
            breaker._enter(State.CLOSED)

    when_late(parts, close)
