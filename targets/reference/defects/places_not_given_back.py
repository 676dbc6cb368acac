"""Counts a client first and compares then; whoever is turned away stays counted.

Breaks rejection: a burst beyond the limit is answered as it should be, and leaves the server fuller than it is. One
burst after the other locks it up, until it turns everybody away with nobody inside.
"""

from __future__ import annotations

from reference_server.admission import FULL
from reference_server.parts import Parts

DESCRIPTION = "a client that is turned away takes a place all the same, and never gives it back"


def install(parts: Parts) -> None:
    """Count before the comparison, on the way in only."""
    admission = parts.admission

    def try_enter() -> str | None:
        admission.inside += 1
        return FULL if admission.inside > admission.limit else None

    admission.try_enter = try_enter  # type: ignore[method-assign]  # a defect replaces a method
