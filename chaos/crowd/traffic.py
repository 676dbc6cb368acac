"""What a crowd exchanged, counted by the second."""

from __future__ import annotations

import time

from chaos.crowd.histogram import Histogram
from chaos.journal import Traffic

__all__ = ["PERIOD", "TrafficMeter"]

PERIOD = 1.0
"""Seconds that one Traffic event covers."""


class TrafficMeter:
    """Counts until they are taken; the fields are those of the Traffic event."""

    __slots__ = (
        "_answered_before",
        "_began",
        "_crowd",
        "answered",
        "missing",
        "pings",
        "received",
        "round_trips",
        "sent",
        "wrong",
    )

    def __init__(self, crowd: str) -> None:
        self._crowd = crowd
        self._answered_before = 0
        self._reset()

    def _reset(self) -> None:
        self._began = time.monotonic()
        self.sent = 0
        self.received = 0
        self.pings = 0
        self.answered = 0
        self.wrong = 0
        self.missing = 0
        self.round_trips = Histogram()

    @property
    def quiet(self) -> bool:
        """Whether nothing was counted."""
        return not (self.sent or self.received or self.pings or self.answered or self.wrong or self.missing)

    @property
    def answered_ever(self) -> int:
        """Exchanges that were answered since the beginning, whatever was taken since."""
        return self._answered_before + self.answered

    def take(self) -> Traffic:
        """What was counted since the last time; counting begins anew."""
        traffic = Traffic(
            at=time.monotonic(),
            crowd=self._crowd,
            began=self._began,
            sent=self.sent,
            received=self.received,
            pings=self.pings,
            answered=self.answered,
            wrong=self.wrong,
            missing=self.missing,
            round_trips=self.round_trips.counts(),
            worst=self.round_trips.worst,
        )
        self._answered_before += self.answered
        self._reset()
        return traffic
