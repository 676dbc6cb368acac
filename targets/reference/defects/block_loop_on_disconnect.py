"""Writes the end of each session with a blocking driver, on the event loop, when its connection is lost.

Breaks latency: one client that leaves holds everybody up for a moment that nobody notices. When forty leave at once
those who stay wait for all of them. It does not matter how they left.
"""

from __future__ import annotations

import time

from reference_server.connection import Connection
from reference_server.parts import Parts

DESCRIPTION = "each client that leaves blocks the event loop for a moment, so many at once hold everybody up"

WRITE = 0.03
"""Seconds the loop is blocked."""


def install(parts: Parts) -> None:
    """Write when somebody is taken out of the registry."""
    remove_at_once = parts.registry.remove

    def remove(connection: Connection) -> None:
        if connection in parts.registry.of(connection.endpoint):
            time.sleep(WRITE)
        remove_at_once(connection)

    parts.registry.remove = remove  # type: ignore[method-assign]  # a defect replaces a method
