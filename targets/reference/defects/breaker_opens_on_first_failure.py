"""Takes the failure threshold for a percentage of the recent calls: 5 failures become 5 % of them.

Breaks "one failure changes nothing": a single failed call, unless nineteen good ones came shortly before it, opens
the circuit and takes everybody's live data away for a whole recovery timeout.
"""

from __future__ import annotations

from reference_server.parts import Parts

DESCRIPTION = "a single failed call opens the upstream's breaker"


def install(parts: Parts) -> None:
    """The right number in the wrong unit."""
    breaker = parts.upstream_breaker

    def has_failed_enough() -> bool:
        return 100 * breaker._window.rate(breaker._monotonic()) >= breaker.policy.failure_threshold

    breaker._has_failed_enough = has_failed_enough  # type: ignore[method-assign]  # a defect replaces a method
