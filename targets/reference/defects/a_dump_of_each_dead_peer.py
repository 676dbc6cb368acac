"""Keeps a dump of each dead peer's buffers until the sweep that found it is over, to write them out in one go.

Breaks pressure: a dozen dead are a few megabytes, and a full house that dies at once is more than there is. The kernel
ends the server in the middle of its clean-up.
"""

from __future__ import annotations

from reference_server.connection import Connection
from reference_server.parts import Parts

DESCRIPTION = "for each dead peer of a sweep a megabyte is held until the sweep is over"

DUMP = 2**20


def install(parts: Parts) -> None:
    """A megabyte of something that is not all zeros, which would take no memory."""
    dumps: list[bytes] = []
    clean_as_before, run_as_before = parts.sweep.clean, parts.sweep.run

    def clean(connection: Connection) -> None:
        if not connection.ended and parts.heartbeat.is_dead(connection):
            dumps.append(b"x" * DUMP)
        clean_as_before(connection)

    def run() -> None:
        run_as_before()
        dumps.clear()

    parts.sweep.clean = clean  # type: ignore[method-assign]  # a defect replaces a method
    parts.sweep.run = run  # type: ignore[method-assign]  # a defect replaces a method
