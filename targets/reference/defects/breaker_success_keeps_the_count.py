"""Counts failures, and takes nothing back for a success: the count is of all failures there ever were.

Breaks "failures in a row": a healthy upstream with a hiccup now and then opens the circuit in the end.
"""

from __future__ import annotations

from reference_server.parts import Parts

from defects._kept_count import keep_the_count

DESCRIPTION = "a success does not clear the count of failures: the fifth since the start opens the breaker"


def install(parts: Parts) -> None:
    """Put the count back after each success, unless it closed the circuit."""
    keep_the_count(parts.upstream_breaker)
