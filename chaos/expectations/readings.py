"""What the server told of itself at a time: the readings of its statistics that have what is asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from chaos.expectations.base import Record, Uncertainty
from chaos.journal import Statistics

__all__ = ["first_that_stays", "may_be_ours", "still_wrong", "told", "unread"]


def told(record: Record, which: str, start: float = -math.inf, end: float = math.inf) -> list[Statistics]:
    """The readings that tell of something and were made between two times, from the question to the answer."""
    return [
        reading
        for reading in record.journal.of(Statistics)
        if which in reading.values and start <= reading.at - reading.took and reading.at <= end
    ]


def unread(record: Record, which: str) -> str:
    """Why there is no reading, in words."""
    errors = [reading.error for reading in record.journal.of(Statistics) if reading.error]
    return f"the server's {which} could not be read: {(errors or ['nobody asked'])[-1]}"


def first_that_stays(readings: Sequence[Statistics], right: Callable[[Statistics], bool]) -> Statistics | None:
    """The reading from which on all are right; None where the last one is not."""
    first = None
    for reading in readings:
        if not right(reading):
            first = None
        elif first is None:
            first = reading
    return first


def still_wrong(readings: Sequence[Statistics], since: float, right: Statistics) -> float:
    """Seconds since a time after which it was still wrong for certain; `right` is the reading from which on it was not.

    Between the last wrong reading and the first right one nobody asked: that time is ours, and counts for nothing.
    """
    wrong = [reading.at - reading.took for reading in readings if reading.at < right.at]
    return max(0.0, wrong[-1] - since) if wrong else 0.0


def may_be_ours(record: Record, since: float, until: float) -> Uncertainty:
    """Of times between two: the conductor stamps both, and what others kept the server from running for is not its."""
    return record.conductor_late(since, until) + record.starved(since, until)
