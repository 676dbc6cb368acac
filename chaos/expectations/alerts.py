"""Alerts: raised while there is a reason for them, and at no other time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.base import Expectation, Record
from chaos.expectations.readings import first_that_stays, may_be_ours, still_wrong, told, unread
from chaos.expectations.undecided import not_long_enough
from chaos.journal import Statistics
from chaos.probes.statistics import alert_shown
from chaos.units import format_duration
from chaos.verdict import Finding

__all__ = ["AlertGone", "AlertNotRaised", "AlertRaised"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRaised(Expectation):
    """From `start` on there was a reason for it until `end`: shown within `within` seconds, and from then on."""

    name: ClassVar[str] = "alert_raised"
    needs_fault: ClassVar[bool] = True
    alert: str
    why: str
    """The reason: "81 of 100 places are taken"."""
    start: float
    end: float
    within: float

    def judge(self, record: Record) -> Finding:
        promised = f"{self.alert!r} is shown within {format_duration(self.within)} of when {self.why}, until no more so"
        readings = told(record, "alerts", self.start, self.end)
        if not readings:
            return self.inconclusive(unread(record, "alerts"), promised)
        gone = any(map(self._shown, readings))
        never = "gone too early" if gone else "never raised"
        return _by_when(self, record, readings, self._shown, promised=promised, became="shown", never=never)

    def _shown(self, reading: Statistics) -> bool:
        return alert_shown(reading.values, self.alert)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertGone(Expectation):
    """From `start` on there was no reason for it any more: not shown any longer within `within` seconds, for good."""

    name: ClassVar[str] = "alert_gone"
    needs_fault: ClassVar[bool] = True
    alert: str
    why: str
    """What has ended the reason for it: "everybody has left"."""
    start: float
    within: float

    def judge(self, record: Record) -> Finding:
        promised = f"{self.alert!r} is shown no more within {format_duration(self.within)} of when {self.why}"
        readings = told(record, "alerts", self.start)
        if not readings:
            return self.inconclusive(unread(record, "alerts"), promised)
        return _by_when(
            self,
            record,
            readings,
            lambda reading: not alert_shown(reading.values, self.alert),
            promised=promised,
            became="gone",
            never="never gone",
        )


def _by_when(
    asked: AlertRaised | AlertGone,
    record: Record,
    readings: Sequence[Statistics],
    fits: Callable[[Statistics], bool],
    *,
    promised: str,
    became: str,
    never: str,
) -> Finding:
    """The finding of when the readings came to fit for good, from the start of what is asked."""
    last = readings[-1]
    settled = first_that_stays(readings, fits)
    uncertain = may_be_ours(record, asked.start, (settled or last).at)
    if settled is None:
        watched = last.at - last.took - asked.start
        observed = f"{format_duration(watched)} after {asked.why}, what is shown is {_alerts(last)}"
        undecided = not_long_enough(
            asked, observed, promised, watched=watched, limit=asked.within, uncertainty=uncertain
        )
        return undecided or asked.violated(observed, promised, figure=never)
    figure = format_duration(settled.at - asked.start)
    return asked.by_limit(
        record,
        still_wrong(readings, asked.start, settled),
        asked.within,
        observed=f"{became} after {figure}",
        promised=promised,
        figure=figure,
        uncertainty=uncertain,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertNotRaised(Expectation):
    """Up to `end` there was no reason for it, and it was never shown."""

    name: ClassVar[str] = "alert_not_raised"
    alert: str
    why: str
    """What is no reason for it: "79 of 100 places are taken"."""
    end: float
    start: float = -math.inf

    def judge(self, record: Record) -> Finding:
        promised = f"{self.alert!r} is not shown where {self.why}"
        readings = told(record, "alerts", self.start, self.end)
        if not readings:
            return self.inconclusive(unread(record, "alerts"), promised)
        false = [reading for reading in readings if alert_shown(reading.values, self.alert)]
        if false:
            return self.violated(
                f"{len(false)} of {len(readings)} readings show it where {self.why}; the first shows "
                f"{_alerts(false[0])}",
                promised,
                figure="raised for nothing",
            )
        return self.held(f"none of {len(readings)} readings shows it", promised)


def _alerts(reading: Statistics) -> str:
    return repr(reading.values["alerts"]) if reading.values["alerts"] else "no alert at all"
