"""The untouched client of the suite's own is one that the server counts: it may lose its connection, and come back."""

from __future__ import annotations

import math

from chaos.expectations.base import Record
from chaos.journal import Beat

__all__ = ["times_lost"]


def times_lost(record: Record, start: float, end: float) -> int:
    """How often the canary may have lost its connection, or tried to have it back, between two times, seconds
    monotonic.

    It tells of that when it notices: what it tells just after the second time may have been so before it, and from what
    it told just before the first it may have come back after it.
    """
    beats = record.journal.of(Beat)
    inside = max((beat.at for beat in beats if beat.ok and beat.at <= start), default=-math.inf)
    back = min((beat.at for beat in beats if beat.ok and beat.at > end), default=math.inf)
    return sum(not beat.ok and inside <= beat.at <= back for beat in beats)
