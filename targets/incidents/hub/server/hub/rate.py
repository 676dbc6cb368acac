"""A token bucket: so many a second, and as many at once after a second of silence."""

from __future__ import annotations

import time
from collections.abc import Callable


class Rate:
    """`rate` events a second."""

    def __init__(self, rate: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._monotonic = monotonic
        self._left = max(rate, 1.0)
        self._at = monotonic()

    def allows(self) -> bool:
        """Whether one more may come now."""
        now = self._monotonic()
        self._left = min(max(self._rate, 1.0), self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
