"""A soak: what a server promises holds for hours, with clients who come, go and fall silent, near its limit.

Each judgement says for how long it looked. A soak that was cut short is judged on what there is.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import ClassVar

from chaos.contract import RejectionAnswer
from chaos.expectations.base import Expectation, Record, quantile
from chaos.expectations.clients import describe, turned_away
from chaos.journal import (
    Attempt,
    CrowdMade,
    Ended,
    Frame,
    Journal,
    Lateness,
    Outcome,
    Overfilled,
    Sample,
    Soaked,
    Traffic,
    WentIdle,
)
from chaos.stats import MINIMUM_ROUNDS, MOST_POINTS, Slope, slope
from chaos.units import counted, format_duration, format_long, format_size
from chaos.verdict import Finding

__all__ = [
    "SETTLING",
    "AnsweredThroughout",
    "IdleFoundThroughout",
    "MemoryWithin",
    "NothingKeptOverTime",
    "OfASoak",
    "PlacesThroughout",
]

SETTLING = 8_000_000
"""Bytes by which a process may still grow after the first quarter of a soak while its allocator fills: a fresh
reference grew by 5 and 7 MB in the last three quarters of soaks of one and two minutes, with 700 messages a second. A
leak goes on: the longer the soak, the smaller the one that is told from that."""

REACH = 5.0
"""Seconds about a time in which what is told of it is written down: a worker that hangs says so afterwards."""

WARM_UP = 0.25
"""The share of a soak in which memory is not looked at: pools and caches fill in it."""

OLD = 0.75
"""The share of the promised age from which a server may well close a client for it."""

QUARTERS = 4
"""Parts of a soak, in each of which somebody has to have been idle: "all along" is more than "at first"."""

MOST_OURS = 0.1
"""The share of what is judged that moments of ours may excuse: a night has some of them, and is not lost for that."""

PERIOD = 1.0
"""Seconds that one count of answers covers."""

WINDOWS = 48
"""Parts of a soak whose round trips are judged each by itself: a bad hour must not drown in a good night."""

SHORTEST_WINDOW = 5.0
"""Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfASoak(Expectation):
    """What all of them share."""

    reckons_with_age: ClassVar[bool] = True

    def lasted(self, soaked: Soaked) -> str:
        """`for 3h12min of 8h`, or `for 8h`."""
        took = soaked.at - soaked.began
        if not soaked.cut:
            return f"for {format_long(soaked.asked)}"
        return f"for {format_long(took)} of {format_long(soaked.asked)}, when {soaked.cut}"

    def unsoaked(self, promised: str) -> Finding:
        """The finding where there was no soak."""
        return self.inconclusive("no soak came to any end, so there is nothing to look at", promised)


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


_Miss = tuple[WentIdle, str, float | None]
"""Who was missed, how, and by how many seconds where it was only late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleFoundThroughout(OfASoak):
    """Everyone who falls silent is warned, where there are warnings, and closed in time: the last one as the first."""

    name: ClassVar[str] = "idle_found_throughout"
    timeout: float
    slack: float
    """Seconds that the server's sweep, and the release, may add."""
    warned: bool
    """Whether a warning is promised; the crowd notes nothing else."""

    def judge(self, record: Record) -> Finding:
        kinds = "warned and closed" if self.warned else "closed"
        promised = (
            f"everyone who falls silent is {kinds} within {format_duration(self.timeout + self.slack)}, all along"
        )
        soaked = record.journal.last(Soaked)
        if soaked is None:
            return self.unsoaked(promised)
        sessions = _sessions(record, soaked.crowd)
        due = [
            (idle, ended)
            for idle in record.journal.of(WentIdle)
            if idle.crowd == soaked.crowd and idle.at + self.timeout + self.slack <= soaked.at
            for ended in [_end_of(sessions[idle.client], idle.at)]
            if ended is None or not self._left_before(idle, ended)
        ]
        by_quarter = {int(QUARTERS * (idle.at - soaked.began) / (soaked.at - soaked.began)) for idle, _ in due}
        if not due or len(by_quarter) < self._quarters_with_time(soaked):
            return self.inconclusive(
                f"{counted(len(due), 'client')} fell silent in time to be seen, and not in every part of the soak",
                promised,
            )
        heard = _heard(record, soaked.crowd)
        missed = [
            (idle, f"{how} after {format_long(idle.at - soaked.began)} of the soak", self._late_by(idle, ended))
            for idle, ended in due
            if (how := self._missed(idle, ended, heard[idle.client])) is not None
        ]
        moments = _Moments(record)
        ours = [idle for idle, _, late_by in missed if self._may_be_ours(moments, soaked, idle, late_by)]
        broken = [each for each in missed if each[0] not in ours]
        figure = f"{len(due) - len(missed)}/{len(due)} found"
        if broken:
            first = min(idle.at for idle, _, _ in broken)
            return self.violated(
                f"{len(broken)} of {len(due)} who fell silent were not {kinds} in time; all were for the first "
                f"{format_long(max(0.0, first - soaked.began))}",
                promised,
                figure=figure,
                evidence=[f"client {idle.client}: {how}" for idle, how, _ in broken],
            )
        excused = f", but for {len(ours)} in moments that may have been ours" if ours else ""
        observed = f"all {len(due)} who fell silent were {kinds}{excused}, {self.lasted(soaked)}"
        if len(ours) > MOST_OURS * len(due):
            return self.inconclusive(f"{observed}: too many of them", promised, figure=figure)
        return self.held(observed, promised, figure=figure)

    def _may_be_ours(self, moments: _Moments, soaked: Soaked, idle: WentIdle, late_by: float | None) -> bool:
        """Only of who was closed after all: it was late by no more than we may have been."""
        if late_by is None:
            return False
        due = idle.at + self.timeout + self.slack
        return late_by <= moments.of_ours(soaked.crowd, idle.at, due + late_by)

    def _quarters_with_time(self, soaked: Soaked) -> int:
        """Parts of the soak in which somebody who fell silent was still due before its end."""
        lasted = soaked.at - soaked.began
        return math.ceil(QUARTERS * max(0.0, lasted - self.timeout - self.slack) / lasted) if lasted > 0 else 1

    def _left_before(self, idle: WentIdle, ended: Ended) -> bool:
        """Whether it was gone before it was due: of its own will, or for its age."""
        return ended.by == "client" or ended.said_at < idle.at + self.timeout / 2

    def _late_by(self, idle: WentIdle, ended: Ended | None) -> float | None:
        """Seconds by which it was closed too late; None where it was not, or not closed at all."""
        over = -1.0 if ended is None else ended.said_at - idle.at - self.timeout - self.slack
        return over if over > 0 else None

    def _missed(self, idle: WentIdle, ended: Ended | None, heard: Sequence[float]) -> str | None:
        if ended is None or ended.said_at > idle.at + self.timeout + self.slack:
            return "not closed in time"
        if not ended.announced:
            return f"cut off by {ended.how}, without a close frame"
        position = bisect_left(heard, idle.at)
        if self.warned and not (position < len(heard) and heard[position] <= ended.at):
            return "closed without a warning"
        return None


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
        endings = sorted(each.at for each in record.endings(soaked.crowd))
        unanswered = [(each.at, lost) for each in periods if (lost := each.missing + _wrong(each, endings))]
        cut = self._cut_off(record, soaked)
        moments = _Moments(record)
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
        moments = _Moments(record)
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

    def _may_be_ours(self, moments: _Moments, soaked: Soaked, at: float) -> bool:
        """Whether we may have used up half of the time that an answer is waited for until then."""
        waited = soaked.patience
        return moments.of_ours(soaked.crowd, at - waited - PERIOD, at) >= waited / 2

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
            evidence=(f"client {each.client}: {each.how} {each.code or ''} {each.reason}".rstrip() for each in cut),
        )

    def _cut_off(self, record: Record, soaked: Soaked) -> list[Ended]:
        """Whom the server ended for no promised reason."""
        idled: dict[int, list[float]] = defaultdict(list)
        for idle in record.journal.of(WentIdle):
            if idle.crowd == soaked.crowd:
                idled[idle.client].append(idle.at)
        return [
            ended
            for client, sessions in _sessions(record, soaked.crowd).items()
            for attempt, ended in sessions
            if ended is not None
            and ended.by == "server"
            and ended.at <= soaked.at
            and not (ended.announced and self._due(attempt, ended, idled[client]))
        ]

    def _due(self, attempt: Attempt, ended: Ended, idled: Sequence[float]) -> bool:
        if self.max_age is not None and ended.said_at - attempt.began >= OLD * self.max_age:
            return True
        return self.idle_timeout is not None and any(
            attempt.at <= at <= ended.said_at - self.idle_timeout / 2 for at in idled
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacesThroughout(OfASoak):
    """Newcomers get in wherever a place is free; beyond the limit they are turned away as promised, the last time as
    the first."""

    name: ClassVar[str] = "places_throughout"
    answer: RejectionAnswer
    within: float
    retry_after: bool
    closed_within: float
    """Seconds after an end in which its place may still be taken."""

    def judge(self, record: Record) -> Finding:
        how = "HTTP 503" if self.answer is RejectionAnswer.HTTP_503 else "close code 1013"
        promised = (
            f"newcomers get in where a place is free, and are turned away with {how} within "
            f"{format_duration(self.within)} where none is, all along"
        )
        soaked = record.journal.last(Soaked)
        if soaked is None:
            return self.unsoaked(promised)
        stays = _Stays(_sessions(record, soaked.crowd).values(), kept=self.closed_within)
        overfilled = [each for each in record.journal.of(Overfilled) if each.at <= soaked.at]
        found = [*self._kept_out(record, soaked, stays, overfilled)]
        refused: list[Attempt] = []
        for each in overfilled:
            came = record.attempts(each.crowd)
            refused += [attempt for attempt in came if attempt.outcome is not Outcome.OPEN]
            found += self._of_one(each, came, stays, soaked.places)
        moments = _Moments(record)
        breaches = [
            (at, text)
            for at, end, text in found
            if moments.of_ours(soaked.crowd, at - self.closed_within, end) < self.closed_within
        ]
        excused = f", but for {len(found) - len(breaches)} in moments that may have been ours" if found else ""
        newcomers = len(record.opened(soaked.crowd))
        figure = f"{newcomers} in, {len(refused)} out"
        if breaches:
            first, what = min(breaches)
            return self.violated(
                f"{what}; all was well for the first {format_long(max(0.0, first - soaked.began))}",
                promised,
                figure=figure,
                evidence=[f"after {format_long(max(0.0, at - soaked.began))}: {text}" for at, text in sorted(breaches)],
            )
        if not refused:
            return self.inconclusive("the server was never full, so nobody had to be turned away", promised)
        told = (
            f"{newcomers} newcomers got in, {len(refused)} beyond the limit were turned away in "
            f"{counted(len(overfilled), 'burst')}{excused}"
        )
        if len(found) > MOST_OURS * newcomers:
            return self.inconclusive(f"{told}, {self.lasted(soaked)}: too many of them", promised, figure=figure)
        slowest = max(refused, key=lambda attempt: attempt.at - attempt.began)
        took = slowest.at - slowest.began
        return self.by_limit(
            record,
            took,
            self.within,
            observed=f"{told}, the slowest after {format_duration(took)}, {self.lasted(soaked)}",
            promised=promised,
            uncertainty=record.of_ours(slowest.crowd, slowest.began, slowest.at) if took > self.within else None,
            figure=figure,
        )

    def _kept_out(
        self, record: Record, soaked: Soaked, stays: _Stays, overfilled: Sequence[Overfilled]
    ) -> Iterable[tuple[float, float, str]]:
        full = [(each.began, each.at + self.closed_within) for each in overfilled]
        for attempt in record.attempts(soaked.crowd):
            if attempt.outcome is Outcome.OPEN or attempt.at > soaked.at:
                continue
            if any(start <= attempt.at and attempt.began <= end for start, end in full):
                continue
            taken = stays.most(attempt.began, attempt.at)
            if taken < soaked.places:
                text = f"{describe(attempt)}, although {taken} of {soaked.places} places were taken"
                yield attempt.began, attempt.at, text

    def _of_one(
        self, burst: Overfilled, came: Sequence[Attempt], stays: _Stays, places: int
    ) -> Iterable[tuple[float, float, str]]:
        last = max(attempt.at for attempt in came)
        opened = sum(attempt.outcome is Outcome.OPEN for attempt in came)
        always, at_most = stays.least(burst.began, last), stays.most(burst.began, last)
        if opened > places - always:
            yield burst.began, last, f"{opened} more got in although {places - always} of {places} places were free"
        if opened < min(len(came), places - at_most):
            yield (
                burst.began,
                last,
                f"only {opened} more got in although {places - at_most} of {places} places were free",
            )
        for attempt in came:
            if attempt.outcome is not Outcome.OPEN and not turned_away(
                attempt, self.answer, retry_after=self.retry_after
            ):
                yield attempt.began, attempt.at, f"{describe(attempt)}, which is not how a client is turned away"


class _Moments:
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


class _Stays:
    """From when to when each client had a place, and how many had one between two times."""

    def __init__(self, sessions: Iterable[Sequence[tuple[Attempt, Ended | None]]], *, kept: float) -> None:
        stays = [
            (attempt.began, attempt.at, ended.at if ended else math.inf) for each in sessions for attempt, ended in each
        ]
        self._began = sorted(began for began, _, _ in stays)
        self._opened = sorted(opened for _, opened, _ in stays)
        self._leaving = sorted((ended.said_at if ended else math.inf) - kept for each in sessions for _, ended in each)
        self._released = sorted(ended + kept for _, _, ended in stays)

    def most(self, start: float, end: float) -> int:
        """Those who may have had one at any time between the two: on their way, inside, or not yet let go."""
        return bisect_left(self._began, end) - bisect_left(self._released, start)

    def least(self, start: float, end: float) -> int:
        """Those who had one all the time between the two, at least: nobody who was about to leave."""
        return max(0, bisect_left(self._opened, start) - bisect_left(self._leaving, end))


def _sessions(record: Record, crowd: str) -> dict[int, list[tuple[Attempt, Ended | None]]]:
    """By client what it had, one after the other: how it got in, and how that ended, if it did."""
    endings: dict[int, list[Ended]] = defaultdict(list)
    for ended in record.endings(crowd):
        endings[ended.client].append(ended)
    found: dict[int, list[tuple[Attempt, Ended | None]]] = defaultdict(list)
    for attempt in record.opened(crowd):
        mine = endings[attempt.client]
        position = len(found[attempt.client])
        found[attempt.client].append((attempt, mine[position] if position < len(mine) else None))
    return found


def _end_of(sessions: Sequence[tuple[Attempt, Ended | None]], at: float) -> Ended | None:
    """How the session ended that was open at a time."""
    return next((ended for attempt, ended in sessions if attempt.at <= at and (ended is None or ended.at >= at)), None)


def _heard(record: Record, crowd: str) -> dict[int, list[float]]:
    """By client when it heard what its crowd notes."""
    found: dict[int, list[float]] = defaultdict(list)
    for frame in record.journal.of(Frame):
        if frame.crowd == crowd and frame.opcode == "text":
            found[frame.client].append(frame.at)
    return found


def _wrong(traffic: Traffic, endings: Sequence[float]) -> int:
    """Wrong answers in a period, without those of exchanges that were under way when their client ended: a notice had
    come in place of the answer, which did not come any more."""
    ended = bisect_left(endings, traffic.at) - bisect_left(endings, traffic.began)
    return max(0, traffic.wrong - ended)


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


def _memory(record: Record, start: float, end: float) -> list[tuple[float, int]]:
    """When, and bytes: PSS where the kernel gives it, RSS otherwise; without readings of no process at all."""
    return [
        (sample.at, memory)
        for sample in record.journal.of(Sample)
        if start <= sample.at <= end and (memory := sample.pss or sample.rss)
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
