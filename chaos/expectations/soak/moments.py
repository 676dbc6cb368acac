"""Moments of a soak that may have been ours: by how much our own processes were late in them."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise

from chaos.expectations.base import Record
from chaos.journal import CrowdMade, Journal, Lateness, Sample

__all__ = ["Moments"]

REACH = 5.0
"""Seconds about a time in which what is told of it is written down: a worker that hangs says so afterwards."""


class Moments:
    """By how much we may have been late between two times, asked of the whole record many times over."""

    def __init__(self, record: Record) -> None:
        self._made = record.journal.of(CrowdMade)
        self._told = [event for event in record.journal.events if isinstance(event, Lateness | Sample)]
        self._times = [event.at for event in self._told]
        samples = [event.at for event in self._told if isinstance(event, Sample)]
        self._reach = max(REACH, *(later - earlier for earlier, later in pairwise(samples)), 0.0)

    def of_ours(self, crowd: str, start: float, end: float) -> float:
        """Seconds: `Record.of_ours` of the part of the record that tells of then."""
        first = bisect_left(self._times, start - self._reach)
        last = bisect_left(self._times, end + self._reach)
        part = Record(Journal((*self._made, *self._told[first:last])))
        return part.of_ours(crowd, start, end).seconds
