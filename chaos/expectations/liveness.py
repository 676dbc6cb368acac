"""The server notices who is there: pings at the declared period, an idle client is warned and then closed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from chaos.bounds import by_timer
from chaos.expectations.ages import old_from
from chaos.expectations.base import Expectation, Record, Uncertainty, quantile
from chaos.expectations.record import blame
from chaos.journal import Attempt, Ended
from chaos.units import counted, format_duration
from chaos.verdict import Finding, Verdict

ONE_WAY = 0.01
"""Seconds that a server may close too early by the clients' clock: its own begins with the last message it has read,
theirs with the answer. One and the same timer was seen as 2.495 to 2.508 s, in eight runs on two busy cores."""

__all__ = ["ClosedByAge", "ClosedWhenIdle", "PingedAtPeriod", "WarnedBeforeClose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PingedAtPeriod(Expectation):
    """Every client of a traced crowd gets a ping every `interval` seconds, a tenth of that late at most."""

    name: ClassVar[str] = "pinged_at_period"
    crowd: str
    interval: float
    until: float
    """When watching ended, seconds monotonic: the time since the last ping counts as a gap too."""

    def judge(self, record: Record) -> Finding:
        promised = f"a ping to every client every {format_duration(self.interval)}, a tenth of that late at most"
        opened = record.opened(self.crowd)
        if (undecided := self.nobody(record, self.crowd, promised)) is not None:
            return undecided
        silences: list[tuple[float, float]] = []
        gaps: list[float] = []
        pings = record.frames(self.crowd, opcode="ping")
        for attempt in opened:
            times = [ping.at for ping in pings if ping.client == attempt.client]
            gaps.extend(later - earlier for earlier, later in pairwise(times))
            marks = [attempt.at, *times, self.until]
            silences.extend(pairwise(marks))
        longest = max(ended - began for began, ended in silences)
        if not pings and longest <= by_timer(self.interval):
            return self.inconclusive(f"no ping in {format_duration(longest)}, and nobody looked longer", promised)
        # Where nobody was pinged twice there is no period, only silence: it is judged as any other is.
        figure = format_duration(quantile(gaps, 0.5)) if gaps else counted(len(pings), "ping") if pings else "no ping"
        observed = (
            f"{counted(len(pings), 'ping')} to {counted(len(opened), 'client')}, "
            f"{f'one every {figure} (median)' if gaps else 'no two to one of them'}, longest silence "
            f"{format_duration(longest)}"
        )
        return self.by_limit(
            record,
            longest,
            by_timer(self.interval),
            observed=observed,
            promised=promised,
            uncertainty=record.of_ours_in_each(self.crowd, silences, by_timer(self.interval)),
            figure=figure,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WarnedBeforeClose(Expectation):
    """Every idle client is warned for the first time at least half of the declared notice before it is closed."""

    name: ClassVar[str] = "warned_before_close"
    crowd: str
    warning: str
    """A regular expression for the warning."""
    notice: float
    """Seconds between the warning and the close, as declared."""

    def judge(self, record: Record) -> Finding:
        promised = f"every idle client is warned {format_duration(self.notice)} before it is closed"
        opened = record.opened(self.crowd)
        if (undecided := self.nobody(record, self.crowd, promised)) is not None:
            return undecided
        ends = {ended.client: ended for ended in record.endings(self.crowd) if ended.by == "server"}
        endings = {client: ended.said_at for client, ended in ends.items()}
        pattern = re.compile(self.warning)
        warned: dict[int, float] = {}
        for frame in record.frames(self.crowd, opcode="text"):
            if pattern.search(frame.text):
                # The first of a countdown: they have sent nothing since they got in, so each is about the same close.
                warned.setdefault(frame.client, frame.at)
        unwarned = (ends[each.client] for each in opened if each.client in ends and each.client not in warned)
        told, ours = blame(unwarned, lambda ended: self._unwarned_for(record, ended))
        if told:
            return self.breached(
                f"{len(told)} of {len(opened)} idle clients got no warning",
                promised,
                ours,
                figure=f"{len(warned)}/{len(opened)} warned",
                evidence=(f"client {ended.client}" for ended in told),
            )
        notices = {client: endings[client] - at for client, at in warned.items() if client in endings}
        if len(notices) < len(opened):
            # Whom it has not closed it may warn yet: that it is closed at all is another promise.
            return self.inconclusive(
                f"{len(warned)} of {len(opened)} warned, {len(notices)} closed while anybody looked", promised
            )
        shortest = min(notices.values())
        observed = f"all {len(opened)} warned, the shortest notice {format_duration(shortest)}"
        # Half: a server may round its timers to its sweep, but a warning that leaves no time to answer is none.
        figure = format_duration(shortest)
        if shortest >= self.notice / 2:
            return self.held(observed, promised, figure=figure)
        # The warning was due at the latest by half of the notice before the close: what held it up lies between.
        uncertainty = record.of_ours_in_each(
            self.crowd, [(endings[client] - self.notice, warned[client]) for client in notices], self.notice / 2
        )
        if self.notice / 2 - shortest <= uncertainty.seconds:
            return self.within_uncertainty(observed, promised, uncertainty, figure=figure)
        return self.violated(observed, promised, figure=figure)

    def _unwarned_for(self, record: Record, ended: Ended) -> Uncertainty | None:
        """What of ours may be why one was closed and not warned: it was given up for dead before, or had no time left
        once the server could run again. None where nothing may."""
        ours = record.of_ours(self.crowd, ended.said_at - self.notice, ended.said_at)
        return ours if ours.seconds >= self.notice / 2 else record.given_up_for(ended)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedWhenIdle(Expectation):
    """Every idle client is closed with a close frame, not before `timeout`, and by `timeout + slack` as timers go."""

    name: ClassVar[str] = "closed_when_idle"
    crowd: str
    timeout: float
    slack: float
    """Seconds that the server's sweep may add."""

    def judge(self, record: Record) -> Finding:
        promised = (
            f"idle clients are closed between {format_duration(self.timeout)} and {format_duration(self._latest)}"
        )
        opened = record.opened(self.crowd)
        if (undecided := self.nobody(record, self.crowd, promised)) is not None:
            return undecided
        endings = {ended.client: ended for ended in record.endings(self.crowd) if ended.by == "server"}
        if never := [attempt for attempt in opened if attempt.client not in endings]:
            return self._never_closed(record, never, opened, promised)
        cut, ours = blame(_untold(opened, endings), record.given_up_for)
        if cut:
            observed = f"client {cut[0].client} was cut off by {cut[0].how}, without a close frame"
            return self.breached(observed, promised, ours)
        lives = [(_heard_first(attempt), endings[attempt.client].said_at) for attempt in opened]
        times = [end - born for born, end in lives]
        figure = format_duration(quantile(times, 0.5))
        observed = f"closed after {format_duration(min(times))} to {format_duration(max(times))} without a message"
        early = self._early(record, opened, times)
        if any(by > ours.seconds for by, ours in early):
            return self.violated(f"{observed}: too early", promised, figure=figure)
        late = self.by_limit(
            record,
            max(times),
            self._latest,
            observed=observed,
            promised=promised,
            # What keeps the server waiting makes it late, and never early: from when each was due to its end.
            uncertainty=record.of_ours_in_each(
                self.crowd, [(born + self.timeout, end) for born, end in lives], self._latest - self.timeout
            ),
            figure=figure,
        )
        if early and late.verdict is Verdict.HELD:
            _, uncertainty = max(early, key=lambda each: each[0])
            return self.within_uncertainty(f"{observed}: too early", promised, uncertainty, figure=figure)
        return late

    @property
    def _latest(self) -> float:
        return by_timer(self.timeout + self.slack)

    def _early(
        self, record: Record, opened: Sequence[Attempt], times: Sequence[float]
    ) -> list[tuple[float, Uncertainty]]:
        """By how much each that was closed too early was so, and what of that may not be the server's.

        Its time begins while the client is let in. What kept it waiting then, or the client from writing it down,
        makes the time look shorter, by no more than letting it in took. Nothing that comes later does.
        """
        found = []
        for attempt, lived in zip(opened, times, strict=True):
            by = self.timeout - ONE_WAY - lived
            if by > 0:
                ours = record.of_ours(self.crowd, attempt.began, _heard_first(attempt))
                found.append((by, ours.at_most(_heard_first(attempt) - attempt.began)))
        return found

    def _never_closed(
        self, record: Record, never: Sequence[Attempt], opened: Sequence[Attempt], promised: str
    ) -> Finding:
        """They may be closed at any time yet: until when was looked counts, and what held the server up since the
        first of them was due."""
        last, first = record.journal.events[-1].at, min(map(_heard_first, never))
        observed = f"{len(never)} of {len(opened)} idle clients were never closed"
        figure = f"{len(opened) - len(never)}/{len(opened)} closed"
        ours = record.of_ours(self.crowd, first + self.timeout, last)
        if last - first <= self._latest + ours.seconds:
            watched = f"{observed} in {format_duration(last - first)}, and nobody looked longer"
            return self.inconclusive(watched, promised, figure=figure)
        return self.violated(observed, promised, figure=figure)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedByAge(Expectation):
    """No connection gets older than `limit` seconds, as timers go: by then it is closed, with a close frame.

    The age counts from the 101 to the close frame, both as the client sees them: a slow link shifts the two alike.
    None is closed before an age that may be meant by the promise (`ages.old_from`): who closes everybody at once lets
    nobody get too old either.
    """

    name: ClassVar[str] = "closed_by_age"
    crowd: str
    limit: float

    def judge(self, record: Record) -> Finding:
        promised = (
            f"no connection gets older than {format_duration(self.limit)}, a tenth of it late: by then it is told and "
            f"closed, and not before {format_duration(old_from(self.limit))}"
        )
        opened = record.opened(self.crowd)
        if (undecided := self.nobody(record, self.crowd, promised)) is not None:
            return undecided
        endings = {ended.client: ended for ended in record.endings(self.crowd) if ended.by == "server"}
        older = [attempt for attempt in opened if attempt.client not in endings]
        if older:
            last = record.journal.events[-1].at
            youngest = max(_born(attempt) for attempt in older)
            age = last - youngest
            observed = f"{len(older)} of {len(opened)} connections were still open at the age of {format_duration(age)}"
            figure = f"{len(opened) - len(older)}/{len(opened)} closed"
            if age <= by_timer(self.limit) + record.of_ours(self.crowd, youngest, last).seconds:
                return self.inconclusive(f"{observed}, and nobody looked longer", promised, figure=figure)
            return self.violated(observed, promised, figure=figure)
        ages = {attempt.client: endings[attempt.client].said_at - _born(attempt) for attempt in opened}
        cut, ours = blame(_untold(opened, endings), record.given_up_for)
        if cut:
            observed = (
                f"client {cut[0].client} was cut off by {cut[0].how} at the age of "
                f"{format_duration(ages[cut[0].client])}, without a close frame"
            )
            return self.breached(observed, promised, ours)
        if (young := self._young(record, opened, ages, promised)) is not None:
            return young
        oldest = max(ages.values())
        figure = format_duration(oldest)
        observed = f"all {len(opened)} closed, the oldest at the age of {figure}"
        return self.by_limit(
            record,
            oldest,
            by_timer(self.limit),
            observed=observed,
            promised=promised,
            # When it was due nobody knows, for a server may close sooner: whatever held it up in its life may have.
            uncertainty=record.of_ours_in_each(
                self.crowd,
                [(_born(attempt), endings[attempt.client].said_at) for attempt in opened],
                by_timer(self.limit),
            ),
            figure=figure,
        )

    def _young(
        self, record: Record, opened: Sequence[Attempt], ages: Mapping[int, float], promised: str
    ) -> Finding | None:
        """The finding of those who were closed too young, by more than we were late to see their 101; None without."""
        least = old_from(self.limit)
        young = {
            attempt.client: record.crowd_late(self.crowd, attempt.began, _born(attempt))
            for attempt in opened
            if ages[attempt.client] < least
        }
        if not young:
            return None
        youngest = min(young, key=ages.__getitem__)
        figure = format_duration(ages[youngest])
        observed = f"{len(young)} of {len(opened)} were closed too young, the first at the age of {figure}"
        if all(least - ages[client] <= late.seconds for client, late in young.items()):
            return self.within_uncertainty(observed, promised, young[youngest], figure=figure)
        return self.violated(observed, promised, figure=figure)


def _untold(opened: Sequence[Attempt], endings: Mapping[int, Ended]) -> list[Ended]:
    """Those of some who have ended that had no close frame."""
    return [ended for attempt in opened if not (ended := endings[attempt.client]).announced]


def _heard_first(attempt: Attempt) -> float:
    """When the client had its first message, or saw the 101, seconds monotonic."""
    return attempt.began + (attempt.first_message or attempt.handshake or 0.0)


def _born(attempt: Attempt) -> float:
    """When the client saw the 101, seconds monotonic."""
    return attempt.began + (attempt.handshake or 0.0)
