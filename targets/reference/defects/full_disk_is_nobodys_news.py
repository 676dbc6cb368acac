"""Swallows the error of a record that cannot be written.

Breaks the alert on a full disk: the server serves, as it should, and that it has recorded nothing since Tuesday is
found out by whoever needs the record.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from reference_server.parts import Parts

DESCRIPTION = "no alert is raised while the disk is full"


def install(parts: Parts) -> None:
    """An error handled by nobody hearing of it."""
    save_as_before = parts.record.save

    def save(file: Path, text: str) -> None:
        with contextlib.suppress(OSError):
            save_as_before(file, text)

    parts.record.save = save  # type: ignore[method-assign]  # a defect replaces a method
