"""How late a loop has been of late: what several defects take for overload."""

from __future__ import annotations

import time
from collections import deque
from itertools import pairwise

from reference_server.parts import Parts

LOOKED_AT = 6
"""Gaps between ticks, of which one is long where the machine was busy for a moment."""

TOO_MANY = 2
"""Long ones among them: a process that is given a tenth of each 0.1 s has one in each of those."""

LONG = 1.2
"""Times the interval that was wanted; `fast` wants 62 ms, and stands still for 80 ms then."""


class Lateness:
    """Watches the ticks of the server's clock."""

    def __init__(self, parts: Parts) -> None:
        self._ticked: deque[float] = deque(maxlen=LOOKED_AT + 1)
        self._interval = parts.clock.tick_interval
        self._tick_as_before = parts.clock.tick
        parts.clock.tick = self._tick  # type: ignore[method-assign]  # a defect replaces a method

    def is_late(self) -> bool:
        """Whether several of the last ticks were late."""
        gaps = (later - earlier for earlier, later in pairwise(self._ticked))
        return sum(gap > LONG * self._interval for gap in gaps) >= TOO_MANY

    def _tick(self) -> None:
        self._ticked.append(time.monotonic())
        self._tick_as_before()
