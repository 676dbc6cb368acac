"""How late a loop has been of late: what several defects take for overload."""

from __future__ import annotations

import time
from collections import deque
from itertools import pairwise

from reference_server.parts import Parts

LOOKED_AT = 8
"""Gaps between ticks: half a second of `fast`, in which a process that is short of CPU stands still five times."""

LONG = 1.2
"""Times the interval that was wanted; `fast` wants 62 ms, and stands still for up to 95 ms then."""


class Lateness:
    """Watches the ticks of the server's clock."""

    def __init__(self, parts: Parts, *, too_many: int = 1) -> None:
        """`too_many` gaps that are long, of those looked at, are a loop that is late."""
        self._too_many = too_many
        self._ticked: deque[float] = deque(maxlen=LOOKED_AT + 1)
        self._interval = parts.clock.tick_interval
        self._tick_as_before = parts.clock.tick
        parts.clock.tick = self._tick  # type: ignore[method-assign]  # a defect replaces a method

    def is_late(self) -> bool:
        """Whether too many of the last ticks were late."""
        gaps = (later - earlier for earlier, later in pairwise(self._ticked))
        return sum(gap > LONG * self._interval for gap in gaps) >= self._too_many

    def _tick(self) -> None:
        self._ticked.append(time.monotonic())
        self._tick_as_before()
