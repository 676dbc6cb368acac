"""Reserves the place of a peer that was found dead for half a minute, so that it finds it when it comes back.

Breaks "places of the dead are given again": the connection is gone in time, and its place is not. Nobody ever asks for
a reserved place, since a client that comes back is a new one; after a failed base station the server is full of nobody.
"""

from __future__ import annotations

from reference_server.connection import Connection
from reference_server.parts import Parts

DESCRIPTION = "the place of a peer that was found dead stays taken for half a minute"

RESERVED = 30.0
"""Seconds."""


def install(parts: Parts) -> None:
    """Take the place again for the one who has just lost it."""
    clean_as_before = parts.sweep.clean

    def clean(connection: Connection) -> None:
        found_before = parts.counters.dead_found
        clean_as_before(connection)
        if parts.counters.dead_found > found_before:
            parts.admission.inside += 1
            parts.clock.call_after(RESERVED, parts.admission.leave)

    parts.sweep.clean = clean  # type: ignore[method-assign]  # a defect replaces a method
