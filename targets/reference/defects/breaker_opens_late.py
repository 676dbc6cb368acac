"""Compares the number of failures with "more than" where "as many as" is promised.

Breaks the breaker's threshold: one more caller than declared waits for a failing upstream, and one more call reaches
it.
"""

from __future__ import annotations

from reference_server.parts import Parts

DESCRIPTION = "the upstream's breaker opens one failure later than its threshold says"


def install(parts: Parts) -> None:
    """Off by one."""
    breaker = parts.upstream_breaker

    def has_failed_enough() -> bool:
        return breaker.consecutive_failures > breaker.policy.failure_threshold

    breaker._has_failed_enough = has_failed_enough  # type: ignore[method-assign]  # a defect replaces a method
