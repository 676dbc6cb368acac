"""Opens the accept breaker after five failures, whatever threshold is set.

Breaks the settings: the figure was written into the code once, and who sets the threshold to 999 to rule the breaker
out for a night still has one.
"""

from __future__ import annotations

from reference_server.parts import Parts

DESCRIPTION = "the accept breaker opens after five failures whatever its threshold is set to"
THRESHOLD = 5


def install(parts: Parts) -> None:
    """A constant in place of the setting."""
    breaker = parts.accept_breaker

    def has_failed_enough() -> bool:
        return breaker.consecutive_failures >= THRESHOLD

    breaker._has_failed_enough = has_failed_enough  # type: ignore[method-assign]  # a defect replaces a method
