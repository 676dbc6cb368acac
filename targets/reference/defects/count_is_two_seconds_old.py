"""Keeps the number of connections for two seconds before it counts again: asking is cheap, and the answer is old.

Breaks the agreement of the server's count with its kernel's: in calm weather it is right, and while clients come or go
it says how things were.
"""

from __future__ import annotations

import time

from reference_server.parts import Parts
from reference_server.registry import Registry

DESCRIPTION = "the number of connections is counted every two seconds and shown from memory in between"

KEPT_FOR = 2.0
"""Seconds; longer than `fast` promises to release what was closed within."""


def install(parts: Parts) -> None:
    """Count now and then."""
    count, kept = Registry.__len__, (float("-inf"), 0)

    def remembered(self: Registry) -> int:
        nonlocal kept
        counted_at, number = kept
        if time.monotonic() - counted_at >= KEPT_FOR:
            counted_at, number = kept = time.monotonic(), count(self)
        return number

    Registry.__len__ = remembered  # type: ignore[method-assign]  # a defect replaces a method
