"""Compares the number of failed establishments with "more than" where "as many as" is promised.

Breaks the accept breaker's threshold: one more client than declared waits for an upstream that is down.
"""

from __future__ import annotations

from reference_server.parts import Parts

DESCRIPTION = "the accept breaker opens one failed establishment later than its threshold says"


def install(parts: Parts) -> None:
    """Off by one."""
    breaker = parts.accept_breaker

    def has_failed_enough() -> bool:
        return breaker.consecutive_failures > breaker.policy.failure_threshold

    breaker._has_failed_enough = has_failed_enough  # type: ignore[method-assign]  # a defect replaces a method
