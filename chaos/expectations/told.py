"""What the server told of itself at a time: the readings of its statistics that have what is asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from chaos.expectations.base import Record, Uncertainty
from chaos.journal import Statistics
from chaos.units import format_duration

__all__ = ["first_that_stays", "told", "unread", "when_known"]


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


def when_known(record: Record, readings: Sequence[Statistics], since: float, reading: Statistics) -> Uncertainty:
    """By how much later than it was so a reading may have shown it first.

    Nobody asked since the reading before it, or since the time itself; the conductor stamps the one and the other; and
    what others kept the server from running for is not its own.
    """
    earlier = [other.at for other in readings if other.at < reading.at]
    unasked = reading.at - max([since, *earlier])
    apart = Uncertainty(unasked, (f"it was not asked for {format_duration(unasked)}",))
    return apart + record.conductor_late(since, reading.at) + record.starved(since, reading.at)
