"""How many new connections one address may make in a second: a bucket for each, of one second's worth."""

from __future__ import annotations

import time
from collections.abc import Callable

MOST = 10_000
"""Addresses that are remembered; whoever has not come for the longest is forgotten first, with a full bucket."""


class Rate:
    """Buckets by address, in one worker: several workers together let in as many times as many."""

    def __init__(self, per_second: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_second = per_second
        self.most = max(1.0, per_second)
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, address: str) -> bool:
        """Whether one more may come from there now."""
        now = self._clock()
        left, since = self._buckets.pop(address, (self.most, now))
        left = min(self.most, left + self.per_second * (now - since))
        taken = left >= 1
        self._buckets[address] = (left - 1 if taken else left, now)
        if len(self._buckets) > MOST:
            del self._buckets[next(iter(self._buckets))]
        return taken
