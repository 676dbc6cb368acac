"""Has a helper of its own tell others of each client that has left, and never waits for it.

Breaks cleanup in the table of processes: the helper is done in a millisecond, and keeps its number until its parent has
asked how it went. A machine has some ten thousand numbers, and then nobody starts anything any more.
"""

from __future__ import annotations

import os

from reference_server.connection import Connection
from reference_server.parts import Parts

DESCRIPTION = "every client that has left leaves a process behind that has ended and is not waited for"

HELPER = "/bin/true"


def install(parts: Parts) -> None:
    """One process for each that leaves the registry."""
    forget = parts.registry.remove

    def remove(connection: Connection) -> None:
        if connection in parts.registry.of(connection.endpoint):
            os.posix_spawn(HELPER, [HELPER], {})
        forget(connection)

    parts.registry.remove = remove  # type: ignore[method-assign]  # a defect replaces a method
