"""Counts failed establishments, and takes nothing back for one that succeeded.

Breaks "failures in a row": where every other establishment fails, the front door shuts after the fifth failure, also
for those who would have got in.
"""

from __future__ import annotations

from reference_server.parts import Parts

DESCRIPTION = "a client that gets in does not clear the count: the fifth failure since the start shuts the door"


def install(parts: Parts) -> None:
    """Put the count back after each success, unless it closed the circuit."""
    breaker = parts.accept_breaker
    succeeded = breaker._succeeded

    def keep_the_count() -> None:
        count, generation = breaker.consecutive_failures, breaker.generation
        succeeded()
        if breaker.generation == generation:
            breaker.consecutive_failures = count

    breaker._succeeded = keep_the_count  # type: ignore[method-assign]  # a defect replaces a method
