"""Takes the end of a trial for its success: half-open, every answer closes the circuit, an error as well.

Breaks the circuit as soon as it has waited: the upstream is still down, and gets as many calls again as opened it.
"""

from __future__ import annotations

from reference_server.breaker import State
from reference_server.parts import Parts

DESCRIPTION = "a failed trial closes the circuit, so an upstream that is down is asked in bursts"


def install(parts: Parts) -> None:
    """Failed or not."""
    breaker = parts.upstream_breaker
    failed = breaker._failed

    def close_at_once(kind: str) -> None:
        if breaker._state is State.HALF_OPEN:
            breaker._enter(State.CLOSED)
        else:
            failed(kind)

    breaker._failed = close_at_once  # type: ignore[method-assign]  # a defect replaces a method
