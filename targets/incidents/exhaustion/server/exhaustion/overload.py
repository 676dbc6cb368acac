"""Whether the event loop keeps up with what it has to do."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

TICK = 0.1
LATE = 0.25
"""Seconds between two looks, and by which one of them is late. Both are ours, as is what follows: two busy cores have
kept a loop waiting for up to 0.4 s now and then, so that one late look says nothing."""
LOOKS, LATE_LOOKS = 10, 3
"""So many of the last looks have to be late."""


class LoopWatch:
    """The last looks at the event loop."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._late: deque[bool] = deque(maxlen=LOOKS)

    async def look(self, seconds: float) -> None:
        """Sleep, and see by how much longer it was."""
        due = self._monotonic() + seconds
        await asyncio.sleep(max(0.0, seconds))
        self._late.append(self._monotonic() - due > LATE)

    @property
    def is_overloaded(self) -> bool:
        """Whether too many of them were late."""
        return sum(self._late) >= LATE_LOOKS
