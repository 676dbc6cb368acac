"""Writes the end of each dead peer's session with a blocking driver, on the event loop.

Breaks latency: one dead peer holds everybody up for a moment that nobody notices. When a base station has failed, a
sweep finds all of its clients at once, and those who are still there wait for all of them.
"""

from __future__ import annotations

import time

from reference_server.connection import Connection
from reference_server.parts import Parts

DESCRIPTION = "each dead peer that is cleaned up blocks the event loop for a moment, so many at once hold everybody up"

WRITE = 0.025
"""Seconds the loop is blocked: the mean of a cleanup in the service this server is modelled on."""


def install(parts: Parts) -> None:
    """Write when somebody has been found dead."""
    clean_as_before = parts.sweep.clean

    def clean(connection: Connection) -> None:
        found_before = parts.counters.dead_found
        clean_as_before(connection)
        if parts.counters.dead_found > found_before:
            time.sleep(WRITE)

    parts.sweep.clean = clean  # type: ignore[method-assign]  # a defect replaces a method
