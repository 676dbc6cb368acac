"""Token buckets: a sustained rate with a bounded burst."""

from __future__ import annotations

import time
from collections.abc import Callable


class TokenBucket:
    """Allows `rate` takes a second on average and `burst` at once; a rate of 0 allows everything."""

    __slots__ = ("_monotonic", "_taken_at", "_tokens", "burst", "rate")

    def __init__(self, *, rate: float, burst: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self.burst = burst
        self._monotonic = monotonic
        self._tokens = burst
        self._taken_at = monotonic()

    def take(self, count: int = 1) -> bool:
        """Take `count` tokens; False (and nothing taken) if there are not enough."""
        if self.rate == 0:
            return True
        self._refill()
        if self._tokens < count:
            return False
        self._tokens -= count
        return True

    @property
    def full(self) -> bool:
        """Whether it holds no memory of past takes: such a bucket need not be kept."""
        self._refill()
        return self._tokens >= self.burst

    def _refill(self) -> None:
        now = self._monotonic()
        self._tokens = min(self.burst, self._tokens + (now - self._taken_at) * self.rate)
        self._taken_at = now


class HandshakeRate:
    """Limits new connections per client address; forgets addresses that have become quiet."""

    def __init__(self, *, rate: float, burst: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self.burst = burst
        self._monotonic = monotonic
        self._buckets: dict[str, TokenBucket] = {}

    def __len__(self) -> int:
        return len(self._buckets)

    def allows(self, address: str) -> bool:
        """Whether one more handshake from `address` is within its rate."""
        if self.rate == 0:
            return True
        bucket = self._buckets.get(address)
        if bucket is None:
            bucket = TokenBucket(rate=self.rate, burst=self.burst, monotonic=self._monotonic)
            self._buckets[address] = bucket
        return bucket.take()

    def forget_quiet(self) -> None:
        """Drop the buckets that are full again; called by the sweep, so that their number stays bounded."""
        self._buckets = {address: bucket for address, bucket in self._buckets.items() if not bucket.full}
