"""How long the manager's own work takes, by its own clock: nobody outside can see it, so it is told as a claim."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections import deque
from collections.abc import Iterator

REGISTRATION = "registration"
"""From taking a place to being in the list, the 101 in between."""
ACTIVITY = "activity"
"""Noting that a client has said something."""
METRICS = "metrics"
"""Putting together what /metrics tells."""
SCAN = "scan"
"""One look at every connection: who is dead, who is idle."""
CLEANUP = "cleanup"
"""From telling a connection to go until it has gone."""
GIVING_BACK = "giving_back"
"""Collecting what nobody refers to, and giving free memory back to the kernel."""

LAST = 1000
"""Of each kind are kept: the p95 of a thousand has fifty beyond it."""


class Claims:
    """The last durations of each kind."""

    def __init__(self) -> None:
        self._seconds: dict[str, deque[float]] = {}

    def note(self, what: str, seconds: float) -> None:
        """It took so long."""
        self._seconds.setdefault(what, deque(maxlen=LAST)).append(seconds)

    @contextlib.contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Note how long the block takes."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.note(what, time.perf_counter() - began)

    def count(self, what: str) -> int:
        """How many are kept."""
        return len(self._seconds.get(what, ()))

    def told(self) -> dict[str, dict[str, float]]:
        """Kind to how many are kept, their median and their p95, in milliseconds."""
        return {what: _summary(sorted(seconds)) for what, seconds in self._seconds.items()}


def _summary(seconds: list[float]) -> dict[str, float]:
    return {
        "count": len(seconds),
        "median_ms": 1000 * statistics.median(seconds),
        "p95_ms": 1000 * seconds[min(len(seconds) - 1, int(0.95 * len(seconds)))],
    }
