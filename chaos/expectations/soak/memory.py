"""Memory over a soak: its peak, and whether it grows under a load that stays the same."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import ClassVar

from chaos.expectations.base import Record
from chaos.expectations.soak.base import OfASoak
from chaos.journal import Sample, Soaked
from chaos.stats import MINIMUM_ROUNDS, MOST_POINTS, Slope, slope
from chaos.units import counted, format_long, format_size
from chaos.verdict import Finding

__all__ = ["SETTLING", "MemoryWithin", "NothingKeptOverTime"]

SETTLING = 8_000_000
"""Bytes by which a process may still grow after the first quarter of a soak while its allocator fills: a fresh
reference grew by 5 and 7 MB in the last three quarters of soaks of one and two minutes, with 700 messages a second. A
leak goes on: the longer the soak, the smaller the one that is told from that."""

WARM_UP = 0.25
"""The share of a soak in which memory is not looked at: pools and caches fill in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryWithin(OfASoak):
    """The memory of all the server's processes never exceeds `limit` bytes while it is soaked."""

    name: ClassVar[str] = "memory_within"
    limit: int

    def judge(self, record: Record) -> Finding:
        promised = f"never more than {format_size(self.limit)} of memory"
        soaked = record.journal.last(Soaked)
        if soaked is None:
            return self.unsoaked(promised)
        readings = _memory(record, soaked.began, soaked.at)
        if not readings:
            return self.inconclusive("nothing could be read of the server's processes", promised)
        at, most = max(readings, key=lambda reading: reading[1])
        figure = f"peak {format_size(most)}"
        if most > self.limit:
            first = next(at for at, memory in readings if memory > self.limit)
            return self.violated(
                f"{figure} after {format_long(at - soaked.began)}; it was kept for the first "
                f"{format_long(first - soaked.began)}",
                promised,
                figure=figure,
            )
        return self.held(f"{figure}, {self.lasted(soaked)}", promised, figure=figure)


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingKeptOverTime(OfASoak):
    """Memory does not grow by more than `margin` bytes an hour under a load that stays the same.

    Certain growth counts only beyond what a filling allocator may still take. A slope that is not certainly below the
    margin and not certainly above decides nothing: `too_fine` says so, and how long a soak would have to be.
    """

    name: ClassVar[str] = "nothing_kept_over_time"
    margin: float

    def judge(self, record: Record) -> Finding:
        promised = f"less than {format_size(self.margin)} kept an hour"
        soaked = record.journal.last(Soaked)
        if soaked is None:
            return self.unsoaked(promised)
        points = _points(record, soaked)
        if len(points) < MINIMUM_ROUNDS or not any(memory for _, memory in points):
            return self.inconclusive(
                f"memory could be read in {len(points)} parts of the soak, {MINIMUM_ROUNDS} are needed", promised
            )
        found, smallest = _growth(points), _smallest_seen(points)
        figure = f"{format_size(found.value)}/h"
        observed = (
            f"{format_size(found.value)} kept an hour ({format_size(found.low)} to {format_size(found.high)}), "
            f"{self.lasted(soaked)}; {format_size(smallest)} an hour is the smallest that could be seen"
        )
        if found.below(self.margin):
            return self.held(observed, promised, figure=figure)
        if found.above(self.margin + _settling(points)):
            return self.violated(observed, promised, figure=figure)
        return self.inconclusive(observed, promised, figure=figure)

    def too_fine(self, record: Record) -> str | None:
        """Why the promise is finer than this soak can see, with the hours that it would take; None where it is not.

        The interval of a slope narrows at least as fast as the time grows, and so does the share of what settles.
        """
        soaked = record.journal.last(Soaked)
        points = [] if soaked is None else _points(record, soaked)
        if soaked is None or len(points) < MINIMUM_ROUNDS:
            return None
        found = _growth(points)
        if found.below(self.margin) or found.above(self.margin + _settling(points)):
            return None
        lasted, smallest = soaked.at - soaked.began, _smallest_seen(points)
        hours = math.ceil(lasted / 3600 * max(1.0, smallest / self.margin))
        return (
            f"promises.leak_free.memory_per_hour = {format_size(self.margin)} is finer than a soak of "
            f"{format_long(lasted)} can see: {format_size(found.value)} an hour "
            f"({format_size(found.low)} to {format_size(found.high)}), "
            f"{format_size(smallest)} is the smallest that could be seen; it would take about {counted(hours, 'hour')}"
        )


def _memory(record: Record, start: float, end: float) -> list[tuple[float, int]]:
    """When, and bytes; without readings of no process at all."""
    return [
        (sample.at, sample.memory)
        for sample in record.journal.of(Sample)
        if start <= sample.at <= end and sample.memory
    ]


def _points(record: Record, soaked: Soaked) -> list[tuple[float, float]]:
    """Hours since the soak began, and the median of the memory in each of equal parts of it, without its warm-up."""
    start = soaked.began + WARM_UP * (soaked.at - soaked.began)
    width = (soaked.at - start) / MOST_POINTS
    parts: dict[int, list[int]] = defaultdict(list)
    for at, memory in _memory(record, start, soaked.at):
        parts[min(MOST_POINTS - 1, int((at - start) / width))].append(memory)
    return [((start + (number + 0.5) * width - soaked.began) / 3600, median(parts[number])) for number in sorted(parts)]


def _growth(points: Sequence[tuple[float, float]]) -> Slope:
    return slope([hours for hours, _ in points], [memory for _, memory in points])


def _settling(points: Sequence[tuple[float, float]]) -> float:
    """Bytes an hour that a filling allocator may look like."""
    return SETTLING / (points[-1][0] - points[0][0])


def _smallest_seen(points: Sequence[tuple[float, float]]) -> float:
    """Bytes an hour: the smallest growth that would have been told from none."""
    return _growth(points).resolution + _settling(points)
