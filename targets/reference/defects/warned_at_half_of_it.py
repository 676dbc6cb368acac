"""Warns when half of the promised share is taken, to be on the safe side.

Breaks the backpressure warning: it comes in time, and on every ordinary day as well. Whoever is told each day that the
server is nearly full, and finds it half empty, does not listen when it is.
"""

from __future__ import annotations

from reference_server.parts import Parts

DESCRIPTION = "clients are warned that the server is nearly full when it is not half full"


def install(parts: Parts) -> None:
    """Half as many connections, to begin and to end it."""
    parts.backpressure.warn_from //= 2
    parts.backpressure.calm_below //= 2
