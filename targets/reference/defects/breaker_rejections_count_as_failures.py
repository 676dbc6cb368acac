"""Counts the calls that it turned away itself as failures, and every failure starts the wait anew.

Breaks "tries again after its timeout" for as long as anybody asks: the busier a service, the longer its outage. A test
that waits quietly for the timeout sees nothing.
"""

from __future__ import annotations

from reference_server.breaker import Permit, State
from reference_server.parts import Parts

DESCRIPTION = "each call that an open breaker turns away starts its timeout anew, so it never tries again"


def install(parts: Parts) -> None:
    """A rejection is one more failure."""
    breaker = parts.upstream_breaker
    acquire = breaker.acquire

    def count_rejections() -> Permit | None:
        permit = acquire()
        if permit is None and breaker._state is State.OPEN:
            breaker._entered_at = breaker._monotonic()
        return permit

    breaker.acquire = count_rejections  # type: ignore[method-assign]  # a defect replaces a method
