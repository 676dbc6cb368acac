"""Exchanges during a soak: each is answered, in every part of it in time, and nobody is cut off."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.ages import old_from
from chaos.expectations.attempts import how_it_ended
from chaos.expectations.base import Record, quantile
from chaos.expectations.record import LATE_SHARE
from chaos.expectations.soak.base import MOST_OURS, OfASoak
from chaos.expectations.soak.moments import Moments
from chaos.expectations.soak.stays import sessions_of
from chaos.journal import Attempt, Ended, Soaked, Traffic, WentIdle
from chaos.units import counted, format_duration, format_long
from chaos.verdict import Finding

__all__ = ["AnsweredThroughout"]

PERIOD = 1.0
"""Seconds that one count of answers covers."""

WINDOWS = 48
"""Parts of a soak whose round trips are judged each by itself: a bad hour must not drown in a good night."""

SHORTEST_WINDOW = 5.0
"""Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredThroughout(OfASoak):
    """Every exchange is answered, and nobody is cut off who was not idle or old."""

    name: ClassVar[str] = "answered_throughout"
    idle_timeout: float | None
    max_age: float | None
    p99: float | None
    """Seconds; where it is promised, of each part of the soak by itself."""

    def judge(self, record: Record) -> Finding:
        within = "" if self.p99 is None else f" (99 % within {format_duration(self.p99)})"
        promised = f"every exchange is answered{within}, and nobody is cut off, all along"
        soaked = record.journal.last(Soaked)
        if soaked is None:
            return self.unsoaked(promised)
        periods = [each for each in record.journal.of(Traffic) if each.crowd == soaked.crowd]
        answered = sum(each.answered for each in periods)
        if not any(each.sent for each in periods):
            return self.inconclusive("nobody had asked anything yet", promised)
        if not answered:
            return self.violated("no exchange was answered at all", promised, figure="0 answered")
        unanswered = [(each.at, lost) for each in periods if (lost := each.missing + each.wrong)]
        cut = self._cut_off(record, soaked)
        moments = Moments(record)
        # Whoever waited for an answer gave it up; whoever was cut off may have been silent for as long by our doing.
        left_out = [each for each in unanswered if not self._may_be_ours(moments, soaked, each[0])]
        cut_off = [each for each in cut if not self._may_be_ours(moments, soaked, each.said_at)]
        if left_out or cut_off:
            return self._broken(soaked, answered, cut_off, left_out, promised)
        figure = f"{answered} answered"
        lost = sum(count for _, count in unanswered)
        told = [counted(lost, "exchange")] if lost else []
        excused = " and ".join([*told, f"{len(cut)} who were cut off"] if cut else told)
        but = f", but for {excused} in moments that may have been ours" if excused else ""
        observed = f"all {answered} exchanges answered{but}, {self.lasted(soaked)}"
        if lost > MOST_OURS * answered or len(cut) > MOST_OURS * len(record.opened(soaked.crowd)):
            return self.inconclusive(f"{observed}: too many of them", promised, figure=figure)
        if self.p99 is None:
            return self.held(observed, promised, figure=figure)
        return self._by_part(record, soaked, periods, observed, promised, self.p99)

    def _by_part(
        self, record: Record, soaked: Soaked, periods: Sequence[Traffic], observed: str, promised: str, limit: float
    ) -> Finding:
        """The finding of the slowest part of the soak; parts that others may have slowed down are left out."""
        parts = sorted(_windows(periods, soaked), key=lambda part: part[2], reverse=True)
        slow = [part for part in parts if part[2] > limit]
        moments = Moments(record)
        ours = [part for part in slow if part[2] - limit <= moments.of_ours(soaked.crowd, part[0], part[1])]
        start, _, slowest = next(part for part in (*(part for part in parts if part not in ours), parts[0]))
        figure = f"p99 {format_duration(slowest)}"
        observed += f"; in the slowest part, after {format_long(max(0.0, start - soaked.began))}, {figure}"
        if len(slow) > len(ours):
            return self.violated(observed, promised, figure=figure)
        if ours:
            observed += f", {len(ours)} of {len(parts)} parts left out that may have been slow for reasons of ours"
        if len(ours) > max(1.0, MOST_OURS * len(parts)):
            return self.inconclusive(observed, promised, figure=figure)
        return self.held(observed, promised, figure=figure)

    def _may_be_ours(self, moments: Moments, soaked: Soaked, at: float) -> bool:
        """Whether we may have used up half of the time that an answer is waited for until then."""
        waited = soaked.patience
        return moments.of_ours(soaked.crowd, at - waited - PERIOD, at) > LATE_SHARE * waited

    def _broken(
        self,
        soaked: Soaked,
        answered: int,
        cut: Sequence[Ended],
        unanswered: Sequence[tuple[float, int]],
        promised: str,
    ) -> Finding:
        lost = sum(count for _, count in unanswered)
        first = min([*(at for at, _ in unanswered), *(ended.said_at for ended in cut)])
        found = [f"{lost} of {answered + lost} exchanges were not answered"] if lost else []
        found += [f"{counted(len(cut), 'client')} cut off"] if cut else []
        return self.violated(
            f"{' and '.join(found)}; all was well for the first {format_long(max(0.0, first - soaked.began))}",
            promised,
            figure=f"{lost} lost, {len(cut)} cut",
            evidence=map(how_it_ended, cut),
        )

    def _cut_off(self, record: Record, soaked: Soaked) -> list[Ended]:
        """Whom the server ended for no promised reason."""
        idled: dict[int, list[float]] = defaultdict(list)
        for idle in record.journal.of(WentIdle):
            if idle.crowd == soaked.crowd:
                idled[idle.client].append(idle.at)
        return [
            ended
            for client, sessions in sessions_of(record, soaked.crowd).items()
            for attempt, ended in sessions
            if ended is not None
            and ended.by == "server"
            and ended.at <= soaked.at
            and not (ended.announced and self._due(attempt, ended, idled[client]))
        ]

    def _due(self, attempt: Attempt, ended: Ended, idled: Sequence[float]) -> bool:
        if self.max_age is not None and ended.said_at - attempt.began >= old_from(self.max_age):
            return True
        return self.idle_timeout is not None and any(
            attempt.at <= at <= ended.said_at - self.idle_timeout / 2 for at in idled
        )


def _windows(periods: Sequence[Traffic], soaked: Soaked) -> list[tuple[float, float, float]]:
    """Beginning, end and 99th percentile of the round trips of each part of a soak in which there were any."""
    width = max(SHORTEST_WINDOW, (soaked.at - soaked.began) / WINDOWS)
    counts: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for each in periods:
        for bound, count in each.round_trips.items():
            counts[int((each.began - soaked.began) // width)][bound] += count
    return [
        (
            soaked.began + number * width,
            soaked.began + (number + 1) * width,
            quantile((float(bound) for bound, count in found.items() for _ in range(count)), 0.99),
        )
        for number, found in counts.items()
    ]
