"""A breaker whose successes take nothing back: of the two in the server, each is a defect."""

from __future__ import annotations

from reference_server.breaker import Breaker


def keep_the_count(breaker: Breaker) -> None:
    """Put the count of failures back after each success, unless it closed the circuit."""
    succeeded = breaker._succeeded

    def succeed() -> None:
        count, generation = breaker.consecutive_failures, breaker.generation
        succeeded()
        if breaker.generation == generation:
            breaker.consecutive_failures = count

    breaker._succeeded = succeed  # type: ignore[method-assign]  # a defect replaces a method
