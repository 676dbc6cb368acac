"""Gives a place back where a client leaves, and forgets the clients whom the server itself has closed for idling.

Breaks rejection over hours: one place is lost with each of them, and a server that is half empty turns everybody away.
Few tests wait for an idle close, and none of them for the limit.
"""

from __future__ import annotations

from reference_server.idle import IdleTimer
from reference_server.parts import Parts

DESCRIPTION = "a client that is closed for idling keeps its place for good"


def install(parts: Parts) -> None:
    """Count whoever is closed for idling once more."""
    close_as_before = IdleTimer.close

    def close(self: IdleTimer) -> None:
        parts.admission.inside += 1
        close_as_before(self)

    IdleTimer.close = close  # type: ignore[method-assign]  # a defect replaces a method
