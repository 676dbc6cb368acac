"""Counts failures, and takes nothing back for a success: the count is of all failures there ever were.

Breaks "failures in a row": a healthy upstream with a hiccup now and then opens the circuit in the end.
"""

from __future__ import annotations

from reference_server.parts import Parts

DESCRIPTION = "a success does not clear the count of failures: the fifth since the start opens the breaker"


def install(parts: Parts) -> None:
    """Put the count back after each success, unless it closed the circuit."""
    breaker = parts.upstream_breaker
    succeeded = breaker._succeeded

    def keep_the_count() -> None:
        count, generation = breaker.consecutive_failures, breaker.generation
        succeeded()
        if breaker.generation == generation:
            breaker.consecutive_failures = count

    breaker._succeeded = keep_the_count  # type: ignore[method-assign]  # a defect replaces a method
