"""Takes those who have left off the books six at a time, at each sweep.

Breaks cleanup: a few who leave are off the books with the next sweep or the one after it. Where many come and go the
job falls behind, and whoever scales by that number starts machines for people who are not there.
"""

from __future__ import annotations

from reference_server.parts import Parts
from reference_server.registry import Registry

DESCRIPTION = "those who left are taken off the books six at a sweep, so under churn the books fall behind"

BATCH = 6
"""Connections a sweep: 30 a second with the intervals of `fast`."""


def install(parts: Parts) -> None:
    """Keep count of those who have left and are still on the books."""
    behind = 0
    count_as_before, remove_as_before, run_as_before = Registry.__len__, Registry.remove, parts.sweep.run

    def remove(self: Registry, connection: object) -> None:
        nonlocal behind
        there = count_as_before(self)
        remove_as_before(self, connection)  # type: ignore[arg-type]  # whatever it is given
        behind += there - count_as_before(self)

    def run() -> None:
        nonlocal behind
        behind -= min(BATCH, behind)
        run_as_before()

    Registry.__len__ = lambda self: count_as_before(self) + behind  # type: ignore[method-assign]  # a defect
    Registry.remove = remove  # type: ignore[method-assign]  # a defect replaces a method
    parts.sweep.run = run  # type: ignore[method-assign]  # a defect replaces a method
