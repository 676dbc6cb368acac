"""Shows how many connections there are once their number has stood for two seconds, so that a graph is a smooth one.

Breaks the agreement of the server's count with its kernel's: in calm weather it is right, and while clients come or go
it says how things were.
"""

from __future__ import annotations

import time

from reference_server.parts import Parts
from reference_server.registry import Registry

DESCRIPTION = "the number of connections is shown once it has stood for two seconds"

STANDS_FOR = 2.0
"""Seconds; longer than `fast` promises to release what was closed within."""


def install(parts: Parts) -> None:
    """Count, and show what stood."""
    count = Registry.__len__
    shown = counted = 0
    since = time.monotonic()

    def smoothed(self: Registry) -> int:
        nonlocal shown, counted, since
        now, number = time.monotonic(), count(self)
        if number != counted:
            counted, since = number, now
        if now - since >= STANDS_FOR:
            shown = counted
        return shown

    Registry.__len__ = smoothed  # type: ignore[method-assign]  # a defect replaces a method
