"""Opens a file for the last words of every peer that is found dead, and never closes it.

Breaks leak-free, for one kind of end only: whoever leaves, is reset or hangs up costs nothing. It takes a peer that
dies without a word, and a heartbeat that finds it.
"""

from __future__ import annotations

import os

from reference_server.connection import Connection
from reference_server.parts import Parts

DESCRIPTION = "every peer that is found dead leaves a file descriptor behind"


def install(parts: Parts) -> None:
    """One descriptor a death."""
    clean_as_before = parts.sweep.clean

    def clean(connection: Connection) -> None:
        found_before = parts.counters.dead_found
        clean_as_before(connection)
        if parts.counters.dead_found > found_before:
            os.open(os.devnull, os.O_WRONLY)

    parts.sweep.clean = clean  # type: ignore[method-assign]  # a defect replaces a method
