"""Opens the accept breaker after five failures, whatever threshold is set.

Breaks the settings: the figure was written into the code once, and who sets the threshold to 999 to rule the breaker
out for a night still has one.
"""

from __future__ import annotations

from reference_server.breaker import State
from reference_server.parts import Parts

DESCRIPTION = "the accept breaker opens after five failures whatever its threshold is set to"
THRESHOLD = 5


def install(parts: Parts) -> None:
    """A constant in place of the setting."""
    breaker = parts.accept_breaker
    failed = breaker._failed

    def count(kind: str) -> None:
        failed(kind)
        if breaker.state is State.CLOSED and breaker.consecutive_failures >= THRESHOLD:
            breaker._enter(State.OPEN)

    breaker._failed = count  # type: ignore[method-assign]  # a defect replaces a method
