"""Counts of durations in buckets that grow by 5 %: what a second of round trips weighs in the journal.

A quantile read from it is an interval, the bucket that holds it: a judgement can say "p99 is at most 52.1 ms" and be
right. The bounds are the same everywhere, so histograms of several seconds, crowds and processes add up.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping

__all__ = ["BOUNDS", "GROWTH", "SMALLEST", "Histogram"]

GROWTH = 1.05
"""Each upper bound is this much larger than the one before: the relative width of a reading."""
SMALLEST = 10e-6
"""Seconds: the upper bound of the first bucket, below what one round trip over loopback takes (23 us measured)."""
_LARGEST = 1000.0
"""Seconds: beyond it a duration falls into the last, unbounded bucket."""


def _bounds() -> tuple[str, ...]:
    count = math.ceil(math.log(_LARGEST / SMALLEST) / math.log(GROWTH)) + 1
    return (*(f"{SMALLEST * GROWTH**step:.6g}" for step in range(count)), "inf")


_TEXTS = _bounds()
BOUNDS: tuple[float, ...] = tuple(float(text) for text in _TEXTS)
"""Upper bounds, inclusive, in seconds. They are read back from their text, so that text and number agree exactly."""


class Histogram:
    """A growing count of durations; `counts` is what a Traffic event carries."""

    __slots__ = ("_counts", "worst")

    def __init__(self, durations: Iterable[float] = ()) -> None:
        self._counts: dict[int, int] = {}
        self.worst = 0.0
        for seconds in durations:
            self.add(seconds)

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> Histogram:
        """The histogram of a Traffic event's `round_trips`. Raises ValueError for a bound that is none of ours."""
        histogram = cls()
        histogram.merge(counts)
        return histogram

    def add(self, seconds: float) -> None:
        """Count one duration."""
        bucket = bisect_left(BOUNDS, seconds)
        self._counts[bucket] = self._counts.get(bucket, 0) + 1
        self.worst = max(self.worst, seconds)

    def merge(self, counts: Mapping[str, int]) -> None:
        """Add the counts of another one, as they stand in the journal."""
        for text, count in counts.items():
            bucket = bisect_left(BOUNDS, float(text))
            if bucket == len(BOUNDS) or _TEXTS[bucket] != text:
                raise ValueError(f"{text!r} is no bound of this histogram: bounds grow by 5 % from {_TEXTS[0]} s")
            self._counts[bucket] = self._counts.get(bucket, 0) + count

    @property
    def total(self) -> int:
        return sum(self._counts.values())

    def counts(self) -> dict[str, int]:
        """Upper bound in seconds, as text, to count; empty buckets are left out."""
        return {_TEXTS[bucket]: count for bucket, count in sorted(self._counts.items())}

    def quantile(self, share: float) -> tuple[float, float]:
        """The bounds, in seconds, between which the duration at `share` lies: above the first, at most the second.

        The duration meant is the smallest one that at least `share` of all do not exceed (0 is the smallest, 1 the
        largest). Raises ValueError for a share outside 0 to 1, or when nothing was counted.
        """
        if not 0 <= share <= 1:
            raise ValueError(f"a quantile is taken at a share from 0 to 1; found {share}")
        if not self._counts:
            raise ValueError("a histogram without a single duration has no quantiles")
        rank = max(1, math.ceil(share * self.total - 1e-9))
        reached = itertools.accumulate(count for _, count in sorted(self._counts.items()))
        bucket = next(bucket for bucket, total in zip(sorted(self._counts), reached, strict=True) if total >= rank)
        return (BOUNDS[bucket - 1] if bucket else 0.0, BOUNDS[bucket])
