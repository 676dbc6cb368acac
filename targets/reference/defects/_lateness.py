"""How late a loop has been of late: what several defects take for overload."""

from __future__ import annotations

import time
from collections import deque

from reference_server.parts import Parts

LOOKED_AT = 10
"""Ticks: one that is late is ordinary scheduling, ten that are late by a quarter are a loop that cannot keep up."""

LATE = 1.25
"""Times the interval that it should be; a process that is given a tenth of each 0.1 s ticks once in those, which is 1.6
times what `fast` sets."""


class Lateness:
    """Watches the ticks of the server's clock."""

    def __init__(self, parts: Parts) -> None:
        self._ticked: deque[float] = deque(maxlen=LOOKED_AT + 1)
        self._interval = parts.clock.tick_interval
        self._tick_as_before = parts.clock.tick
        parts.clock.tick = self._tick  # type: ignore[method-assign]  # a defect replaces a method

    def is_late(self) -> bool:
        """Whether the last ticks have taken too long, all together."""
        if len(self._ticked) <= LOOKED_AT:
            return False
        return self._ticked[-1] - self._ticked[0] > LATE * LOOKED_AT * self._interval

    def _tick(self) -> None:
        self._ticked.append(time.monotonic())
        self._tick_as_before()
