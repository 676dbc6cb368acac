"""Closes the front door for good: the accept breaker has no way back but an operator.

Breaks "lets clients in again": the dependency is back, and clients are turned away until somebody restarts the server.
"""

from __future__ import annotations

import math

from reference_server.parts import Parts

DESCRIPTION = "once open, the accept breaker turns every client away for ever"


def install(parts: Parts) -> None:
    """Its wait never ends."""

    def open_for() -> float:
        return math.inf

    parts.accept_breaker.open_for = open_for  # type: ignore[method-assign]  # a defect replaces a method
