"""Takes half-open for "let us see": as long as no trial has come back, everybody may try.

Breaks "trials are no stampede": a caller alone sees one trial, which fails and re-opens the circuit. When everybody
asks at once, everybody reaches the upstream, which has just begun to recover.
"""

from __future__ import annotations

from reference_server.breaker import State
from reference_server.parts import Parts

DESCRIPTION = "a half-open breaker lets every caller through until the first trial has come back"


def install(parts: Parts) -> None:
    """Nobody counts the trials under way."""
    breaker = parts.upstream_breaker

    def has_place() -> bool:
        return breaker._state in (State.CLOSED, State.HALF_OPEN)

    breaker._has_place = has_place  # type: ignore[method-assign]  # a defect replaces a method
