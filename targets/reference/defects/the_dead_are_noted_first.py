"""Notes each peer that is found dead in a file before it lets go of it: without a free descriptor nobody is let go of.

Breaks pressure: the sweep goes on with the next one when that fails, as it should, and fares no better. The descriptors
that it would take are those of the dead.
"""

from __future__ import annotations

import os
from pathlib import Path

from reference_server.connection import Connection
from reference_server.parts import Parts

DESCRIPTION = "while the process can open no more files no dead peer is released"

NOTES = Path(os.devnull)


def install(parts: Parts) -> None:
    """A line before each cut."""
    cut_as_before = Connection.cut

    def cut(self: Connection, why: str) -> None:
        with NOTES.open("a", encoding="utf-8") as notes:
            notes.write(f"{self.id} {why}\n")
        cut_as_before(self, why)

    Connection.cut = cut  # type: ignore[method-assign]  # a defect replaces a method
