"""What an expectation reads: the journal of one cell, and by how much its times may be wrong for reasons of our own."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from chaos.journal import (
    Attempt,
    Beat,
    Call,
    CrowdMade,
    Ended,
    Frame,
    Healing,
    Hit,
    Journal,
    Lateness,
    Outcome,
    Receipt,
    Sample,
    ServerEvent,
    Traffic,
)
from chaos.units import format_duration

__all__ = ["Record", "Uncertainty", "Waits", "blame", "worst", "worst_of_each"]

LATE_SHARE = 0.5
"""Of the time in which an answer was waited for, what may have been our own lateness, or a machine that left the server
no core: beyond it nobody knows whether the answer would have come."""

REQUEST_TIMEOUT = 408
"""The HTTP status that says of a request that it came too slowly."""

WRONG_BYTES = frozenset({1002, 1003, 1007, 1009, 1010})
"""Close codes (RFC 6455, 7.4.1) that say what was wrong with what the client sent: nobody is given up with them for
saying nothing."""

CONDUCTOR = "the conductor"

Wrong = TypeVar("Wrong")


@dataclass(frozen=True, slots=True)
class Waits:
    """How long each side waits for the other, seconds. Where that is not known, nothing is excused by it."""

    server: float = math.inf
    """The least for which the server waits for a sign of life before it may give a client up."""
    client: float = math.inf
    """For which a client of ours waits for an answer."""


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """By how much a reading may be wrong for reasons of our own: no breach smaller than this is the server's."""

    seconds: float = 0.0
    reasons: tuple[str, ...] = ()
    """Each in words: "the conductor was up to 12ms late"."""

    @classmethod
    def late(cls, whose: str, seconds: float) -> Uncertainty:
        """That of times stamped by a process that was late."""
        return cls(seconds, (f"{whose} was up to {format_duration(seconds)} late",) if seconds else ())

    @classmethod
    def of_ours(cls, doing: str, seconds: float) -> Uncertainty:
        """That of a time within which we were still at it: nobody knows when in it the server's own time began."""
        return cls(seconds, (f"{doing} took {format_duration(seconds)}",)) if seconds > 0 else cls()

    @classmethod
    def of_waiting(cls, seconds: float) -> Uncertainty:
        """That of times of a server which was ready to run and which others left no core."""
        told = f"others kept the server waiting {format_duration(seconds)} for a core"
        return cls(seconds, (told,)) if seconds else cls()

    @classmethod
    def of_work(cls, seconds: float) -> Uncertainty:
        """That of times of a process which nobody looked at, on a machine that had so much to do."""
        told = f"the machine had work for every core for {format_duration(seconds)}"
        return cls(seconds, (told,)) if seconds > 0 else cls()

    def __add__(self, other: Uncertainty) -> Uncertainty:
        """Both at once, which may have come one on top of the other."""
        return Uncertainty(self.seconds + other.seconds, self.reasons + other.reasons)

    def is_most_of(self, waited: float) -> bool:
        """Whether nobody knows any more what became of something that was waited for so many seconds."""
        return self.seconds > LATE_SHARE * waited

    def if_most_of(self, waited: float) -> Uncertainty | None:
        """The same where it is most of so many seconds; None where it is less, and so explains nothing of them."""
        return self if self.is_most_of(waited) else None

    def at_most(self, seconds: float) -> Uncertainty:
        """The same, where something else says that it cannot be more."""
        return self if self.seconds <= seconds else Uncertainty(seconds, self.reasons if seconds else ())

    def sentence(self) -> str:
        """`200ms: the conductor was up to 150ms late, samples were up to 50ms apart`."""
        return f"{format_duration(self.seconds)}: {', '.join(self.reasons)}"


def worst(uncertain: Iterable[Uncertainty]) -> Uncertainty:
    """The largest of several, each of another moment."""
    return max(uncertain, key=lambda each: each.seconds)


def blame(
    wrong: Iterable[Wrong], ours: Callable[[Wrong], Uncertainty | None]
) -> tuple[list[Wrong], Uncertainty | None]:
    """Whom of several breaches to tell of, and what of ours may be behind them.

    Those that nothing of ours may explain, and None; where each of them may be ours, all of them, and the largest of
    that. None of them where there is no breach.
    """
    causes = [(each, ours(each)) for each in wrong]
    theirs = [each for each, cause in causes if cause is None]
    return theirs or [each for each, _ in causes], worst_of_each(cause for _, cause in causes)


def worst_of_each(uncertain: Iterable[Uncertainty | None]) -> Uncertainty | None:
    """The largest of what may be ours of each of several breaches; None where nothing may be of one of them, or where
    there is no breach."""
    ours: list[Uncertainty] = []
    for each in uncertain:
        if each is None:
            return None
        ours.append(each)
    return worst(ours) if ours else None


@dataclass(frozen=True, slots=True)
class Record:
    """The journal of one cell, with the readings that every expectation needs."""

    journal: Journal
    waits: Waits = Waits()
    """How long server and clients wait for each other, by the contract."""

    # -- what may be ours -------------------------------------------------------------------------------------

    def of_ours(self, crowd: str | None, start: float, end: float) -> Uncertainty:
        """All that a breach between two times, seconds monotonic, may be owed to beside the server: the lateness of the
        process that stamped them, a crowd's worker or (None) the conductor, and what kept the server from running.

        The times are those of the breach itself, where they are known: what was outside of it excuses nothing.
        """
        late = self.conductor_late(start, end) if crowd is None else self.crowd_late(crowd, start, end)
        return late + self.starved(start, end)

    def of_ours_in_each(
        self, crowd: str | None, times: Sequence[tuple[float, float]], limit: float, *, nth: int | None = None
    ) -> Uncertainty:
        """By how much the longest of some times is less where each is without what was not the server's while it
        lasted; or the `nth` longest from below, from 1 on. Each is from when to when, seconds monotonic.

        What excuses one of them excuses no other: a longest one that may be ours leaves the next, which may not.
        """
        lasted = [end - start for start, end in times]
        ours = [
            self.of_ours(crowd, *each) if seconds > limit else Uncertainty()
            for each, seconds in zip(times, lasted, strict=True)
        ]
        of_server = sorted(seconds - each.seconds for seconds, each in zip(lasted, ours, strict=True))
        number = (len(times) if nth is None else nth) - 1
        least, largest = of_server[number], worst(ours)
        seconds = sorted(lasted)[number] - least
        # Where it excuses all, what is told is what one of them owes to others, and not how much shorter the next is.
        return Uncertainty(max(seconds, largest.seconds) if least <= limit else seconds, largest.reasons)

    def late(self) -> Uncertainty:
        """The worst lateness of everybody who stamps times, whenever it was: for a reading that names nobody."""
        return self.conductor_late() + self._workers_late("a crowd worker", None, -math.inf, math.inf)

    def conductor_late(self, start: float = -math.inf, end: float = math.inf) -> Uncertainty:
        """The worst lateness of the conductor between two times, seconds monotonic.

        It stamps faults, healings and calls of the upstream; of pytest's process, which stamps what it does to the
        server, nobody knows more than of the machine both are on.
        """
        beats = self.journal.of(Beat)
        # A beat tells the worst since the one before.
        began = [-math.inf, *(beat.at for beat in beats)]
        found = (beat.lateness for since, beat in zip(began, beats, strict=False) if since <= end and beat.at >= start)
        return Uncertainty.late(CONDUCTOR, max(found, default=0.0))

    def crowd_late(self, crowd: str, start: float = -math.inf, end: float = math.inf) -> Uncertainty:
        """The worst lateness of the worker that stamps the times of a crowd, between two times."""
        pids = {made.pid for made in self.journal.of(CrowdMade) if made.crowd == crowd}
        # Where nobody says whose it is, any worker may have been.
        return self._workers_late(f"the crowd worker of {crowd!r}", pids or None, start, end)

    def _workers_late(self, whose: str, pids: set[int] | None, start: float, end: float) -> Uncertainty:
        found = (
            each.worst
            for each in self.journal.of(Lateness)
            if (pids is None or each.pid in pids) and each.began <= end and each.at >= start
        )
        return Uncertainty.late(whose, max(found, default=0.0))

    def unseen_before(self, seen: Sample) -> Uncertainty:
        """The time between a sample and the one before it, which did not show yet what this one does."""
        before = max((sample.at for sample in self.journal.of(Sample) if sample.at < seen.at), default=seen.at)
        gap = seen.at - before
        return Uncertainty(gap, (f"the sample before was taken {format_duration(gap)} earlier",) if gap else ())

    def sampled(self, start: float, end: float) -> Uncertainty:
        """The widest gap between two samples about a time between two times: no "when" is known better."""
        times = [sample.at for sample in self.journal.of(Sample)]
        gaps = (later - earlier for earlier, later in itertools.pairwise(times) if earlier <= end and later >= start)
        widest = max(gaps, default=0.0)
        return Uncertainty(widest, (f"samples were up to {format_duration(widest)} apart",) if widest else ())

    def starved(self, start: float, end: float) -> Uncertainty:
        """The time that others kept the server from running between two times: it was ready, and no core was free.

        Threads of the server that wait for one another's cores are its own affair: more than the time that the rest of
        the machine could fill every core with is not counted. Nor is what a fault kept them from running for: under a
        shortage of CPU the contract says what is promised.
        """
        pairs = self._pairs(start, end)
        if not pairs:
            return Uncertainty()
        cores = pairs[0][0].cores
        waited = _grown(pairs, lambda sample: sample.waited)
        used = _grown(pairs, lambda sample: sample.cpu)
        others = (pairs[-1][1].busy - pairs[0][0].busy - used) / cores
        throttled = _grown(pairs, lambda sample: sample.throttled)
        seconds = min(max(0.0, waited - throttled), max(0.0, others))
        return Uncertainty.of_waiting(seconds)

    def starved_mostly(self, start: float, end: float) -> Uncertainty | None:
        """What others kept the server from running for between two times, where that was most of it; else None."""
        pairs, starved = self._pairs(start, end), self.starved(start, end)
        return starved if pairs and starved.is_most_of(pairs[-1][1].at - pairs[0][0].at) else None

    def used(self, start: float, end: float) -> tuple[float, float] | None:
        """The seconds of a core that the server used between two times, and between which samples: their distance in
        seconds. None where nobody looked. What ends in between takes its part of the sum along and counts no less.
        """
        pairs = self._pairs(start, end)
        if not pairs:
            return None
        return _grown(pairs, lambda sample: sample.cpu), pairs[-1][1].at - pairs[0][0].at

    def crowded(self, start: float, end: float) -> Uncertainty:
        """The time that the machine's work could fill every core with between two times: of a process that nobody
        looked at, because it did not become the server, so much may have been waiting. Its own work is in it.
        """
        pairs = self._pairs(start, end)
        if not pairs:
            return Uncertainty()
        return Uncertainty.of_work(min(end - start, _worked(pairs)))

    def crowded_mostly(self, start: float, end: float) -> Uncertainty | None:
        """The same, where the machine's work could fill every core for most of the time between two times; else None.

        Of the time between samples, which is longer: an idle machine is no busy one because it was looked at seldom.
        """
        pairs = self._pairs(start, end)
        if not pairs:
            return None
        if not Uncertainty(_worked(pairs)).is_most_of(pairs[-1][1].at - pairs[0][0].at):
            return None
        return self.crowded(start, end)

    def _pairs(self, start: float, end: float) -> list[tuple[Sample, Sample]]:
        """Samples that follow each other about a time between two times, where the machine was looked at as well."""
        pairs = itertools.pairwise(self.journal.of(Sample))
        return [pair for pair in pairs if pair[0].at <= end and pair[1].at >= start and pair[0].cores]

    def injecting(self, fault: str | None = None) -> Uncertainty:
        """The time from the first fault's beginning to its receipt, or of the first of this name: its acts on one
        victim after the other, and what proves them. A breach is the server's where it is one from the receipt on, too.
        """
        first = min(self.receipts(fault), key=lambda receipt: receipt.since, default=None)
        return (
            Uncertainty() if first is None else Uncertainty.of_ours("injecting the fault", first.acted_by - first.since)
        )

    def coming_back(self, crowd: str, since: float) -> Uncertainty:
        """The time from `since` to a crowd's first attempt, in which we proved the healing and made the crowd.

        What a server that was started again takes to get healthy in it is its own.
        """
        attempts = [attempt.began for attempt in self.attempts(crowd) if attempt.began >= since]
        if not attempts:
            return Uncertainty()
        first = min(attempts)
        healthy = (event.at for event in self.journal.of(ServerEvent) if event.what == "started")
        ready = max((at for at in healthy if since <= at <= first), default=since)
        return Uncertainty.of_ours("our own return", first - ready)

    def given_up_for(self, ended: Ended) -> Uncertainty | None:
        """What of ours may have made the server give up a client that it rightly took for dead; None where nothing may.

        It counts in the time for which the server waits for a sign of life, up to the end. What breaks the protocol is
        no giving up, nor is a close that blames what the client has sent.
        """
        if ended.how == "invalid" or ended.code in WRONG_BYTES:
            return None
        start = ended.said_at - self.waits.server
        ours = self.of_ours(ended.crowd, start, ended.at) + self.conductor_late(start, ended.at)
        return ours.if_most_of(self.waits.server)

    def failed_for(self, attempt: Attempt) -> Uncertainty | None:
        """What of ours may have failed an attempt while it was made; None where nothing may.

        Whoever got no answer may have been too late to see it, and whoever was hung up on too late to say the rest.
        What the server refuses it refuses by itself; of one that had no core most of the time `Established` asks
        `starved_mostly` as well, where what it said is that it is too busy.
        """
        if attempt.outcome is Outcome.TIMEOUT:
            waited = attempt.at - attempt.began
        elif attempt.outcome in (Outcome.EOF, Outcome.RESET, Outcome.CLOSED) or attempt.status == REQUEST_TIMEOUT:
            waited = self.waits.server
        else:
            return None
        ours = self.of_ours(attempt.crowd, attempt.began, attempt.at)
        return ours.if_most_of(waited)

    def unanswered(
        self, crowd: str, start: float = -math.inf, end: float = math.inf
    ) -> list[tuple[int, Uncertainty | None]]:
        """Exchanges of a crowd that were given up between two times, counted by the second, each with what of ours may
        have kept the answer back while it was waited for; None where nothing may."""
        found = []
        for each in self.journal.of(Traffic):
            if each.crowd == crowd and each.missing and each.began <= end and each.at >= start:
                ours = self.of_ours(crowd, each.began - self.waits.client, each.at)
                found.append((each.missing, ours.if_most_of(self.waits.client)))
        return found

    # -- what was recorded ------------------------------------------------------------------------------------

    def receipts(self, fault: str | None = None) -> list[Receipt]:
        """Of all faults, or of those of this name."""
        return [receipt for receipt in self.journal.of(Receipt) if fault in (None, receipt.fault)]

    def bitten_since(self, fault: str | None = None) -> float | None:
        """When the first fault, or the first of this name, began to act, seconds monotonic; None where none did."""
        return min((receipt.since for receipt in self.receipts(fault)), default=None)

    def each_injection(self) -> list[Record]:
        """The same of each time that a fault was injected, one after the other: without the receipts and the healings
        of all other times."""
        return [self._of_one(receipt) for receipt in sorted(self.receipts(), key=lambda receipt: receipt.since)]

    def healing_of(self, receipt: Receipt) -> Healing | None:
        """How the fault of a receipt was taken away; None where it was not."""
        later = (each for each in self.journal.of(Healing) if each.fault == receipt.fault and each.at >= receipt.at)
        return min(later, key=lambda healing: healing.at, default=None)

    def _of_one(self, receipt: Receipt) -> Record:
        own = (receipt, self.healing_of(receipt))
        kept = (event for event in self.journal.events if not isinstance(event, (Receipt, Healing)) or event in own)
        return replace(self, journal=replace(self.journal, events=tuple(kept)))

    def healed_since(self) -> float | None:
        """When the last fault stopped to act, seconds monotonic; None where none healed."""
        return max((healing.since for healing in self.journal.of(Healing)), default=None)

    def asked_to_stop(self, *, after: float = -math.inf) -> float | None:
        """When the server had first been told to end after a moment, seconds monotonic; None where it was not."""
        return min((event.at for event in self._told_to_end(after)), default=None)

    def ended_unasked(self, endings: Iterable[Ended], *, after: float = -math.inf) -> list[Ended]:
        """Those of them that were announced before the server could know of its end, where it was told to after a
        moment: a signal arrives before whoever sent it goes on."""
        known = min((event.begun_at for event in self._told_to_end(after)), default=-math.inf)
        return [ended for ended in endings if ended.said_at < known]

    def _told_to_end(self, after: float) -> Iterator[ServerEvent]:
        events = self.journal.of(ServerEvent)
        return (event for event in events if event.what == "asked to stop" and event.at > after)

    def crowds(self) -> list[str]:
        """The names of all crowds, in the order in which they were made."""
        return list(dict.fromkeys(made.crowd for made in self.journal.of(CrowdMade)))

    def calls(self, start: float = -math.inf, end: float = math.inf) -> list[Call]:
        """Those of the upstream-backed endpoint that began between two times, seconds monotonic."""
        return [call for call in self.journal.of(Call) if start <= call.began <= end]

    def hits(self, start: float = -math.inf, end: float = math.inf) -> list[Hit]:
        """The requests that reached the upstream between two times."""
        return [hit for hit in self.journal.of(Hit) if start <= hit.at <= end]

    def attempts(self, crowd: str) -> list[Attempt]:
        return [attempt for attempt in self.journal.of(Attempt) if attempt.crowd == crowd]

    def opened(self, crowd: str) -> list[Attempt]:
        return [attempt for attempt in self.attempts(crowd) if attempt.outcome is Outcome.OPEN]

    def endings(self, crowd: str) -> list[Ended]:
        return [ended for ended in self.journal.of(Ended) if ended.crowd == crowd]

    def frames(self, crowd: str, *, opcode: str | None = None) -> list[Frame]:
        return [
            frame
            for frame in self.journal.of(Frame)
            if frame.crowd == crowd and (opcode is None or frame.opcode == opcode)
        ]


def _worked(pairs: Sequence[tuple[Sample, Sample]]) -> float:
    """Seconds that the machine's work between samples could fill every core with."""
    return (pairs[-1][1].busy - pairs[0][0].busy) / pairs[0][0].cores


_AHEAD = 3
"""Readings after one that is out of order by which the sum is where it was: agent and conductor take turns."""


def _grown(pairs: Sequence[tuple[Sample, Sample]], figure: Callable[[Sample], float]) -> float:
    """By how much a sum over processes has grown, which begins anew when they have ended.

    Agent and conductor sample at once, so a reading may be older than the one before it, and less: by what the threads
    can have gathered while both were being read (70 of 1429 were in one cell of 50 s), or by a whole wait, which the
    kernel counts when it is over (95 ms under a quota). Each of these taken for a new beginning adds the whole sum
    again: one is where the sum stays below, and less than half is left; where more is, one of several has ended.
    """
    total, highest = 0.0, figure(pairs[0][0])
    for number, (earlier, later) in enumerate(pairs):
        now = figure(later)
        stale = (earlier.took + later.took) * max(earlier.threads, later.threads, 1)
        if now >= highest:
            total, highest = total + now - highest, now
        elif highest - now > stale and all(
            figure(after) < highest for _, after in pairs[number + 1 : number + 1 + _AHEAD]
        ):
            total, highest = total + (now if now < highest / 2 else 0.0), now
    return total
