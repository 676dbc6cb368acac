"""What clients saw: establishment, rejection, being left alone, being closed in the promised way."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from chaos.contract import RejectionAnswer
from chaos.expectations.base import Expectation, Record, quantile, rank
from chaos.expectations.canary import times_lost
from chaos.expectations.record import Uncertainty, worst
from chaos.journal import Attempt, Ended, Outcome, Traffic
from chaos.units import format_duration
from chaos.verdict import Finding

__all__ = [
    "ClosedWith",
    "Established",
    "NotWarnedEarly",
    "RefusedAtTheDoor",
    "RejectedGracefully",
    "StayedAfterUpgrade",
    "Undisturbed",
    "Warned",
    "describe",
    "turned_away",
]

TOO_BUSY_STATUSES = (429, 503)
"""RFC 6585, 4, and RFC 9110, 15.6.4: too many requests, and overloaded for now."""

TOO_BUSY_CODE = 1013
"""Try again later, in IANA's registry of close codes."""

LET_IN = 101
"""RFC 9110, 15.2.2: the answer to an upgrade that is taken."""

UNAUTHORIZED = (401, 403)
"""RFC 9110, 15.5.2 and 15.5.4: who does not say who it is, and who has no right whoever it is."""


def describe(attempt: Attempt) -> str:
    """One attempt in words: "client 7: http 503 in the handshake after 12ms"."""
    what = {
        Outcome.OPEN: "open",
        Outcome.REFUSED: "connection refused",
        Outcome.RESET: f"reset in {attempt.phase}",
        Outcome.HTTP: f"HTTP {attempt.status}",
        Outcome.CLOSED: f"closed with {attempt.code} before the first message"
        if attempt.code is not None
        else f"turned away in {attempt.phase}",
        Outcome.EOF: f"ended without a word in {attempt.phase}",
        Outcome.TIMEOUT: f"timed out in {attempt.phase}",
        Outcome.INVALID: f"invalid answer in {attempt.phase}",
    }[attempt.outcome]
    detail = f" ({attempt.detail})" if attempt.detail else ""
    return f"client {attempt.client}: {what} after {format_duration(max(0.0, attempt.at - attempt.began))}{detail}"


def _tally(attempts: list[Attempt]) -> str:
    counts = Counter(describe(attempt).split(": ", 1)[1].split(" after ")[0] for attempt in attempts)
    return ", ".join(f"{count} x {what}" for what, count in counts.most_common(3))


@dataclass(frozen=True, slots=True, kw_only=True)
class Established(Expectation):
    """Within capacity, at least `success_ratio` of the attempts got their first message within `within` seconds."""

    name: ClassVar[str] = "established"
    crowd: str
    count: int
    within: float
    success_ratio: float
    why: str = ""
    """How the limit comes about, where it is not the promised one: "of which the link adds 100ms"."""
    places: int | None = None
    """How many clients the server takes in all, where these take what is left of them."""

    def judge(self, record: Record) -> Finding:
        attempts = record.attempts(self.crowd)
        because = f" ({self.why})" if self.why else ""
        promised = (
            f"{_share(self.success_ratio)} of {self.count} attempts open, first message "
            f"within {format_duration(self.within)}{because}"
        )
        if self.places is not None:
            promised += f"; {_taken(self.places, free=self.count)}"
        if len(attempts) < self.count:
            return self.inconclusive(f"only {len(attempts)} of {self.count} attempts were recorded", promised)
        opened = [attempt for attempt in attempts if attempt.outcome is Outcome.OPEN]
        failed = [attempt for attempt in attempts if attempt.outcome is not Outcome.OPEN]
        ratio = f"{len(opened)}/{len(attempts)}"
        needed = rank(len(attempts), self.success_ratio)
        if len(opened) < needed:
            observed = f"{len(opened)} of {len(attempts)} attempts got in; the others: {_tally(failed)}"
            starved = record.starved_mostly(min(a.began for a in attempts), max(a.at for a in attempts))
            causes = (record.failed_for(each) or (starved if _too_busy(each) else None) for each in failed)
            ours = [cause for cause in causes if cause is not None]
            if len(opened) + len(ours) >= needed:
                return self.within_uncertainty(observed, promised, worst(ours), figure=ratio)
            return self.violated(observed, promised, figure=ratio, evidence=map(describe, failed))
        times = [_until_usable(attempt) for attempt in opened]
        late = [attempt for attempt in opened if _until_usable(attempt) > self.within]
        slowest = f"the slowest after {format_duration(max(times))}"
        # Who fails and who is late are the same to a client: as many as may fail may be late, both counted together.
        took = sorted(times)[needed - 1]
        allowed = f"{len(late)} of them too late, " if late else ""
        return self.by_limit(
            record,
            took,
            self.within,
            observed=f"{len(late)} of {len(opened)} clients waited too long, {slowest}"
            if took > self.within
            else f"{ratio} open, {allowed}{slowest}",
            promised=promised,
            uncertainty=record.of_ours_in_each(
                self.crowd,
                [(attempt.began, attempt.began + _until_usable(attempt)) for attempt in opened],
                self.within,
                nth=needed,
            ),
            figure=f"{ratio} {format_duration(quantile(times, 0.5))}",
            evidence=map(describe, late),
        )


def _too_busy(attempt: Attempt) -> bool:
    """Whether it was turned away for now: what one that gets no core may well say, for it has too little of it."""
    return attempt.status in TOO_BUSY_STATUSES or attempt.code == TOO_BUSY_CODE


def _taken(places: int, *, free: int, inside: int = 0) -> str:
    """`of 50 places 11 are taken (10 inside, the canary)`; whoever is not inside is the suite's own."""
    taken, own = places - free, places - free - inside
    who = [f"{inside} inside"] if inside else []
    who += ["the canary"] if own == 1 else [f"{own} of the suite's own"] if own else []
    is_taken = f"{taken} is taken" if taken == 1 else f"{taken} are taken"
    return f"of {places} places {is_taken}" + (f" ({', '.join(who)})" if who else "")


def _share(ratio: float) -> str:
    return "all" if ratio == 1 else f"{ratio:.4g}"


def _until_usable(attempt: Attempt) -> float:
    return next(t for t in (attempt.first_message, attempt.handshake, attempt.tcp, attempt.at - attempt.began) if t)


@dataclass(frozen=True, slots=True, kw_only=True)
class StayedAfterUpgrade(Expectation):
    """Nobody of a crowd that said nothing was cut off in the first `quiet` seconds after the 101."""

    name: ClassVar[str] = "stayed_after_upgrade"
    crowd: str
    quiet: float

    def judge(self, record: Record) -> Finding:
        promised = f"whoever is let in is still there {format_duration(self.quiet)} after the 101, also in silence"
        if (undecided := self.nobody(record, self.crowd, promised)) is not None:
            return undecided
        let_in = {attempt.client: _let_in_at(attempt) for attempt in record.opened(self.crowd)}
        ended = [
            (each, record.given_up_for(each))
            for each in record.endings(self.crowd)
            if each.by == "server" and each.said_at - let_in[each.client] <= self.quiet
        ]
        cut = sorted(
            (each for each, ours in ended if ours is None), key=lambda each: each.said_at - let_in[each.client]
        )
        excused = [ours for _, ours in ended if ours is not None]
        if excused and not cut:
            observed = f"{len(ended)} of {len(let_in)} connections ended after their 101"
            return self.within_uncertainty(observed, promised, worst(excused))
        if not cut:
            return self.held(f"all {len(let_in)} were, without a word", promised, figure=f"{len(let_in)}/{len(let_in)}")
        lives = [max(0.0, ended.said_at - let_in[ended.client]) for ended in cut]
        return self.violated(
            f"{len(cut)} of {len(let_in)} connections ended after their 101, the first {format_duration(lives[0])} "
            f"after it, half of them within {format_duration(quantile(lives, 0.5))}: {_tally_hows(cut)}",
            promised,
            figure=f"{len(cut)} cut",
            evidence=(
                f"client {ended.client}: {ended.how} {format_duration(lived)} after the 101"
                for ended, lived in zip(cut, lives, strict=True)
            ),
        )


def _let_in_at(attempt: Attempt) -> float:
    """When the 101 had come, seconds monotonic; its attempt says so where it got that far, as all that are open did."""
    return attempt.began + (attempt.handshake or attempt.at - attempt.began)


def _tally_hows(endings: list[Ended]) -> str:
    counts = Counter(ended.how for ended in endings)
    return ", ".join(f"{count} x {how}" for how, count in counts.most_common())


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedAtTheDoor(Expectation):
    """Each of some clients, a crowd of its own each, was refused before any 101, with a status that says why."""

    name: ClassVar[str] = "refused_at_the_door"
    crowds: tuple[str, ...]
    """Named for what is wrong with their requests."""
    within: float
    statuses: tuple[int, ...] = UNAUTHORIZED
    """In their order."""

    def judge(self, record: Record) -> Finding:
        ends = f"{self.statuses[0]} {'or' if len(self.statuses) == 2 else 'to'} {self.statuses[-1]}"
        promised = (
            f"{_enumerated(self.crowds)}: refused with HTTP {ends} before the 101, "
            f"within {format_duration(self.within)}"
        )
        attempts = {crowd: record.attempts(crowd) for crowd in self.crowds}
        missing = [crowd for crowd, made in attempts.items() if not made]
        if missing:
            return self.inconclusive(f"nobody tried with {_enumerated(missing)}", promised)
        made = [each for of_one in attempts.values() for each in of_one]
        wrong = [each for each in made if each.outcome is not Outcome.HTTP or each.status not in self.statuses]
        figure = f"{len(made) - len(wrong)}/{len(made)} refused"
        if wrong:
            starved = record.starved_mostly(min(each.began for each in made), max(each.at for each in made))
            causes = [_not_refused_for(record, each, starved) for each in wrong]
            to_blame = [each for each, cause in zip(wrong, causes, strict=True) if cause is None]
            told = [f"{each.crowd}: {describe(each)}" for each in to_blame or wrong]
            observed = f"{len(told)} of {len(made)} were not refused, the first {told[0]}"
            if to_blame:
                return self.violated(observed, promised, figure=figure, evidence=told)
            ours = [cause for cause in causes if cause is not None]
            return self.within_uncertainty(observed, promised, worst(ours), figure=figure)
        slowest = max(made, key=lambda each: each.at - each.began)
        took = slowest.at - slowest.began
        return self.by_limit(
            record,
            took,
            self.within,
            observed=f"{figure}, the slowest after {format_duration(took)}",
            promised=promised,
            uncertainty=record.of_ours(slowest.crowd, slowest.began, slowest.at),
            figure=figure,
        )


def _not_refused_for(record: Record, attempt: Attempt, starved: Uncertainty | None) -> Uncertainty | None:
    """What of ours may be why one had no refusal; None where nothing may: who has a 101 was let in, whatever came then.

    `starved` is what kept the server from running most of the time, which may have made it say that it is too busy.
    """
    if attempt.status == LET_IN:
        return None
    return record.failed_for(attempt) or (starved if attempt.status in TOO_BUSY_STATUSES else None)


def _enumerated(names: Sequence[str]) -> str:
    return ", ".join(names)


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedGracefully(Expectation):
    """Of a burst beyond the limit, exactly the free places are taken and every other attempt is turned away as told."""

    name: ClassVar[str] = "rejected_gracefully"
    needs_fault: ClassVar[bool] = True
    crowd: str
    free: int
    """Places that were free when the burst began."""
    answer: RejectionAnswer
    within: float
    retry_after: bool
    places: int | None = None
    """How many clients the server takes in all; None where it is not places that are short."""
    inside: int = 0
    """How many clients of ours have one already."""
    short: str = ""
    """What was short instead of places: "memory", where nobody at all may get in."""

    def judge(self, record: Record) -> Finding:
        attempts = record.attempts(self.crowd)
        opened = [attempt for attempt in attempts if attempt.outcome is Outcome.OPEN]
        others = [attempt for attempt in attempts if attempt.outcome is not Outcome.OPEN]
        promised = (
            f"{self.free} more clients get in, each of the others is turned away with {self.answer.in_words}"
            f"{' and Retry-After' if self.retry_after else ''} within {format_duration(self.within)}"
        )
        if self.places is not None:
            promised += f"; {_taken(self.places, free=self.free, inside=self.inside)}"
        figure = f"{len(opened)} in, {len(others)} out"
        if len(attempts) <= self.free:
            return self.inconclusive(
                f"the burst of {len(attempts)} did not exceed the {self.free} places that were free", promised
            )
        if len(opened) > self.free:
            observed = f"{len(opened)} of {len(attempts)} got in although " + (
                f"{self.short} was short" if self.short else f"{self.free} places were free"
            )
            came, last = min(each.began for each in attempts), max(each.at for each in attempts)
            if self.places is not None and len(opened) == self.free + 1 and times_lost(record, came, last):
                return self.inconclusive(f"{observed}, and the canary had lost its own", promised, figure=figure)
            return self.violated(observed, promised, figure=figure)
        ours = [found for attempt in others if (found := record.failed_for(attempt)) is not None]
        if len(opened) < self.free:
            observed = f"only {len(opened)} of {self.free} free places were given away; the others: {_tally(others)}"
            if len(opened) + len(ours) >= self.free:
                return self.within_uncertainty(observed, promised, worst(ours), figure=figure)
            return self.violated(observed, promised, figure=figure, evidence=map(describe, others))
        rude = [attempt for attempt in others if not turned_away(attempt, self.answer, retry_after=self.retry_after)]
        if rude:
            observed = f"{len(rude)} of {len(others)} were not turned away gracefully: {_tally(rude)}"
            if all(record.failed_for(attempt) is not None for attempt in rude):
                return self.within_uncertainty(observed, promised, worst(ours), figure=figure)
            return self.violated(observed, promised, figure=figure, evidence=map(describe, rude))
        slowest = max(attempt.at - attempt.began for attempt in others)
        return self.by_limit(
            record,
            slowest,
            self.within,
            observed=f"{figure}, the slowest refusal after {format_duration(slowest)}",
            promised=promised,
            uncertainty=record.of_ours_in_each(
                self.crowd, [(attempt.began, attempt.at) for attempt in others], self.within
            ),
            figure=figure,
        )


def turned_away(attempt: Attempt, answer: RejectionAnswer, *, retry_after: bool) -> bool:
    """Whether it was refused in the promised way."""
    if answer is RejectionAnswer.HTTP_503:
        return (
            attempt.outcome is Outcome.HTTP
            and attempt.status == 503
            and (attempt.retry_after is not None or not retry_after)
        )
    return attempt.outcome is Outcome.CLOSED and attempt.code == TOO_BUSY_CODE


@dataclass(frozen=True, slots=True, kw_only=True)
class Undisturbed(Expectation):
    """Clients that the fault should not touch stayed connected and got every answer."""

    name: ClassVar[str] = "undisturbed"
    crowd: str
    who_got_in: bool = False
    """Whether it is about those who got in, and how many did is another promise; else all of them have to have."""

    def judge(self, record: Record) -> Finding:
        promised = f"no client of {self.crowd!r} is cut off or left without its answer"
        opened = record.opened(self.crowd)
        ended = [(each, record.given_up_for(each)) for each in record.endings(self.crowd) if each.by == "server"]
        cut = [each for each, ours in ended if ours is None]
        if cut:
            return self.violated(
                _cut_off(cut, opened),
                promised,
                figure=f"{len(cut)} cut",
                evidence=(f"client {each.client}: {each.how} {each.code or ''} {each.reason}".rstrip() for each in cut),
            )
        wrong = sum(each.wrong for each in record.journal.of(Traffic) if each.crowd == self.crowd)
        if wrong:
            return self.violated(f"{wrong} answers to untouched clients were wrong", promised, figure=f"{wrong} wrong")
        missing = record.unanswered(self.crowd)
        unanswered = sum(count for count, ours in missing if ours is None)
        if unanswered:
            return self.violated(
                f"{unanswered} exchanges of untouched clients were not answered",
                promised,
                figure=f"{unanswered} missing",
            )
        excused = [ours for _, ours in (*ended, *missing) if ours is not None]
        if excused:
            observed = (
                _cut_off([each for each, _ in ended], opened)
                if ended
                else f"{sum(count for count, _ in missing)} exchanges of untouched clients were not answered"
            )
            return self.within_uncertainty(observed, promised, worst(excused))
        undecided = None if self.who_got_in and opened else self.nobody(record, self.crowd, promised)
        if undecided is not None:
            return undecided
        answered = sum(each.answered for each in record.journal.of(Traffic) if each.crowd == self.crowd)
        return self.held(f"all {len(opened)} stayed, {answered} answers right", promised)


def _cut_off(cut: Sequence[Ended], opened: Sequence[Attempt]) -> str:
    first = cut[0]
    code = f" {first.code}" if first.code is not None else ""
    how = f"{first.how}{code} {first.reason}".rstrip()
    return f"{len(cut)} of {len(opened)} untouched clients were cut off, the first by {how}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedWith(Expectation):
    """Every open client of the crowd was closed by the server with one of the codes, and TCP ended afterwards.

    Where the server is told to end, those count who were there then: whoever it closed before says nothing of its end.
    """

    name: ClassVar[str] = "closed_with"
    crowd: str
    codes: tuple[int, ...]
    """None of them where no code is promised: then it is a close frame with whichever."""
    why: str
    """When that is promised, for the sentence: "at shutdown"."""
    only: tuple[int, ...] | None = None
    """Of the crowd those who are judged; None: all."""
    within: float = 0.0
    """Seconds that the server has for it, as it promises: what kept it for less has cut nobody off."""
    since: float | None = None
    """From when it has them, seconds monotonic; None: from when it was told to end, or else from when each got in."""

    def judge(self, record: Record) -> Finding:
        codes = " or ".join(map(str, self.codes)) or "a close frame"
        promised = f"every client is closed with {codes} {self.why}"
        opened = [each for each in record.opened(self.crowd) if self.only is None or each.client in self.only]
        endings = {ended.client: ended for ended in record.endings(self.crowd)}
        if (undecided := self.nobody(record, self.crowd, promised)) is not None:
            return undecided
        if early := self._closed_before(record, opened, endings):
            return self.inconclusive(
                f"{len(early)} of {len(opened)} clients had been closed before the server was told to end: "
                f"{_tally_texts([_how_it_ended(each) for each in early])}",
                promised,
            )
        others = [(each, endings.get(each.client)) for each in opened if not self._fits(endings.get(each.client))]
        figure = f"{len(opened) - len(others)}/{len(opened)}"
        if not others:
            return self.held(f"{figure} closed with {codes}", promised, figure=figure)
        asked = record.asked_to_stop(after=max(each.at for each in opened))
        causes = [self._ours(record, ended, self._from(each, asked)) for each, ended in others]
        to_blame = [each for each, cause in zip(others, causes, strict=True) if cause is None]
        ends = [
            _how_it_ended(ended) if ended is not None else f"client {each.client}: still open"
            for each, ended in to_blame or others
        ]
        observed = f"{len(ends)} of {len(opened)} clients were not closed with {codes}, but: {_tally_texts(ends)}"
        if to_blame:
            return self.violated(observed, promised, figure=figure, evidence=ends)
        cut = [cause for (_, ended), cause in zip(others, causes, strict=True) if ended is not None and cause]
        if not cut:
            return self.inconclusive(f"{observed}, and nobody looked longer", promised, figure=figure)
        return self.within_uncertainty(observed, promised, worst(cut), figure=figure)

    def _fits(self, ended: Ended | None) -> bool:
        return ended is not None and ended.how == "close" and (not self.codes or ended.code in self.codes)

    def _from(self, attempt: Attempt, asked: float | None) -> float:
        """From when the server had time to close a client, seconds monotonic."""
        known = (at for at in (self.since, asked) if at is not None)
        return next(known, attempt.began + _until_usable(attempt))

    def _ours(self, record: Record, ended: Ended | None, since: float) -> Uncertainty | None:
        """What of ours may be why a client was not closed as promised; None where nothing may.

        Who is still open may be closed yet, and whom it cut off it may have had no time to tell, or have rightly given
        up. What it says is its own; but TCP after it takes its time as well.
        """
        if ended is None:
            last = record.journal.events[-1].at
            ours = record.of_ours(self.crowd, since, last)
            return ours if last - since - self.within <= ours.seconds else None
        if not ended.announced:
            ours = record.of_ours(self.crowd, since, ended.at)
            kept = ours if ours.is_most_of(max(self.within, ended.at - since)) else None
            return kept or record.given_up_for(ended)
        if ended.how == "timeout" and (not self.codes or ended.code in self.codes):
            ours = record.of_ours(self.crowd, ended.said_at, ended.at)
            return ours if ours.is_most_of(ended.at - ended.said_at) else None
        return None

    def _closed_before(self, record: Record, opened: Sequence[Attempt], endings: Mapping[int, Ended]) -> list[Ended]:
        """Those whom the server closed before it could know of its end, where it was told since they had come."""
        ends = (endings[attempt.client] for attempt in opened if attempt.client in endings)
        by_the_server = (ended for ended in ends if ended.by == "server")
        return record.ended_unasked(by_the_server, after=max(attempt.at for attempt in opened))


def _how_it_ended(ended: Ended) -> str:
    return f"client {ended.client}: {ended.how} {ended.code or ''} {ended.reason}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned(Expectation):
    """Every client of a traced crowd heard a warning after a time."""

    name: ClassVar[str] = "warned"
    crowd: str
    pattern: str
    since: float
    what: str
    """What the warning is about, for the sentence: "86 of 100 places"."""

    def judge(self, record: Record) -> Finding:
        promised = f"every client is warned at {self.what}"
        opened = record.opened(self.crowd)
        if (undecided := self.nobody(record, self.crowd, promised)) is not None:
            return undecided
        pattern = re.compile(self.pattern)
        heard = {
            frame.client: frame.at
            for frame in record.frames(self.crowd, opcode="text")
            if frame.at >= self.since and pattern.search(frame.text)
        }
        figure = f"{len(heard)}/{len(opened)} warned"
        missed = [attempt.client for attempt in opened if attempt.client not in heard]
        causes = {client: self._ours(record, client) for client in missed}
        to_blame = [f"client {client}" for client in missed if causes[client] is None]
        if to_blame:
            return self.violated(
                f"{len(to_blame)} of {len(opened)} clients got no warning", promised, figure=figure, evidence=to_blame
            )
        excused = [cause for cause in causes.values() if cause is not None]
        if excused:
            return self.within_uncertainty(
                f"{len(excused)} of {len(opened)} clients got no warning", promised, worst(excused), figure=figure
            )
        return self.held(f"all {len(opened)} were warned", promised, figure=figure)

    def _ours(self, record: Record, client: int) -> Uncertainty | None:
        """What of ours may be why a client got no warning; None where nothing may: it was given up for that before it
        was due, or most of the time in which it was waited for was not the server's."""
        ended = next((each for each in record.endings(self.crowd) if each.client == client), None)
        until = record.journal.events[-1].at if ended is None else ended.at
        ours = record.of_ours(self.crowd, self.since, until)
        kept = ours if until > self.since and ours.is_most_of(until - self.since) else None
        return kept or (record.given_up_for(ended) if ended is not None else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotWarnedEarly(Expectation):
    """Nobody of a traced crowd hears a warning before so many connections are there as it is promised at."""

    name: ClassVar[str] = "not_warned_early"
    crowd: str
    pattern: str
    others: tuple[str, ...]
    """The crowds that fill the server beside it."""
    own: int
    """Connections of the experiment itself."""
    threshold: int
    """Connections from which on it is promised."""
    limit: int

    def judge(self, record: Record) -> Finding:
        promised = f"nobody is warned before {self.threshold} of {self.limit} places are taken"
        if (undecided := self.nobody(record, self.crowd, promised)) is not None:
            return undecided
        pattern = re.compile(self.pattern)
        heard = [frame for frame in record.frames(self.crowd, opcode="text") if pattern.search(frame.text)]
        if not heard:
            return self.held("nobody was warned at all", promised)
        first = min(heard, key=lambda frame: frame.at)
        # Whoever had begun may have been in by then: in doubt the server had as many as it says.
        begun = [each for crowd in (self.crowd, *self.others) for each in record.attempts(crowd)]
        taken = self.own + sum(each.began <= first.at for each in begun)
        observed = f"client {first.client} was warned first, with at most {taken} of {self.limit} places taken"
        figure = f"at {taken} of {self.limit}"
        if taken < self.threshold:
            return self.violated(observed, promised, figure=figure)
        return self.held(f"{observed}, {self.limit - taken} left", promised, figure=figure)


def _tally_texts(texts: list[str]) -> str:
    """The ways it went, each with how often: "20 x reset"."""
    counts = Counter(text.split(": ", 1)[1] for text in texts)
    return ", ".join(f"{count} x {what}" for what, count in counts.most_common(3))
