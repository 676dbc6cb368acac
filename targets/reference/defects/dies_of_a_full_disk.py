"""Takes a record that cannot be written for an error that nobody can work with, and ends the process.

Breaks survival of a full disk: what a server is there for is served from memory and needs no disk at all. As by an
unhandled error in a thread that is to end everything when it ends.
"""

from __future__ import annotations

import os
from pathlib import Path

from reference_server.parts import Parts

DESCRIPTION = "the server ends when its disk is full"


def install(parts: Parts) -> None:
    """An exit where a count is due."""
    save_as_before = parts.record.save

    def save(file: Path, text: str) -> None:
        try:
            save_as_before(file, text)
        except OSError:
            os._exit(1)

    parts.record.save = save  # type: ignore[method-assign]  # a defect replaces a method
