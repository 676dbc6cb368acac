"""Messages that carry numbers: none is lost, doubled, out of order or changed, inside a session and through reconnects.

What was sent and not answered when a connection ended is unknown, and no breach: nobody can say whether it arrived.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

from chaos.expectations.base import Expectation, Record
from chaos.expectations.clients import describe
from chaos.journal import Attempt, Correspondence, Outcome
from chaos.units import counted, format_duration
from chaos.verdict import Finding

__all__ = ["Intact", "IntactThroughReconnects", "PlainlyOver"]

BREACHES = ("foreign", "lost", "duplicated", "reordered", "corrupted")
"""What may be wrong with a message, by the fields of a Correspondence."""

LATE_SHARE = 0.5
"""Of the time in which an answer was waited for, what may have been our own lateness, or a machine that left the server
no core: beyond it nobody knows whether the answer would have come."""


@dataclass(frozen=True, slots=True)
class _Books:
    """What a crowd's clients have written down, each one's latest."""

    each: tuple[Correspondence, ...]

    @classmethod
    def of(cls, record: Record, crowd: str) -> _Books:
        found = [event for event in record.journal.of(Correspondence) if event.crowd == crowd]
        return cls(tuple({event.client: event for event in found}.values()))

    def count(self, what: str) -> int:
        return sum(getattr(event, what) for event in self.each)

    def counts(self, names: Iterable[str]) -> str:
        """`2 lost, 1 duplicated`, of those that are not 0."""
        return ", ".join(f"{count} {name}" for name in names if (count := self.count(name)))

    def first(self, what: str) -> str:
        return next((event.first[what] for event in self.each if what in event.first), "")

    def examples(self, names: Iterable[str]) -> list[str]:
        """The first example of each: `lost: client 0: number 41 never came: after 40 came 42`."""
        return [f"{name}: {found}" for name in names if (found := self.first(name))]

    @property
    def through(self) -> str:
        """How many came through: `240 answered of 243 sent, 90 heard`."""
        sent, heard = self.count("sent"), self.count("heard")
        parts = [f"{self.count('answered')} answered of {sent} sent"] if sent else []
        return ", ".join([*parts, *([f"{heard} heard"] if heard else [])])

    @property
    def unknown(self) -> str:
        """What nobody can know, with the first example: `; 3 unknown at the cut (client 1: ...)`."""
        count, settled = self.count("unknown"), self.count("settled")
        if not count:
            return ""
        again = f", {settled} of them settled when sent again" if settled else ""
        return f"; {count} unknown at the cut{again} ({self.first('unknown')})"


class _Integrity(Expectation):
    """What is judged of the books, whatever else is."""

    crowd: str
    """Whose books."""

    def broken(self, books: _Books, promised: str) -> Finding | None:
        """The finding where something is wrong with what came, or did not; None while nothing is."""
        wrong = books.counts(BREACHES)
        if not wrong:
            return None
        examples = books.examples((*BREACHES, "unanswered", "unknown"))
        return self.violated(
            f"{wrong} ({books.through}); first: {examples[0].partition(': ')[2]}{books.unknown}",
            promised,
            figure=wrong,
            evidence=examples,
        )

    def unanswered(self, record: Record, books: _Books, promised: str) -> Finding | None:
        """The finding where answers did not come although the connection lasted; None where all did."""
        missing = books.count("unanswered")
        if not missing:
            return None
        waited = min(event.waited for event in books.each if event.unanswered)
        end = max(event.at for event in books.each)
        observed = (
            f"{missing} not answered in {format_duration(waited)} ({books.through}); first: "
            f"{books.first('unanswered')}{books.unknown}"
        )
        ours = record.of_ours(self.crowd, end - waited, end)
        if ours.seconds > LATE_SHARE * waited:
            return self.within_uncertainty(observed, promised, ours)
        return self.violated(
            observed, promised, figure=f"{missing} unanswered", evidence=books.examples(("unanswered", "unknown"))
        )

    def nothing(self, books: _Books, promised: str) -> Finding | None:
        """The finding where nothing can be said because nothing came through."""
        if not books.each:
            return self.inconclusive(f"no client of {self.crowd!r} has written its books", promised)
        if not books.count("answered") and not books.count("heard"):
            return self.inconclusive(f"not one numbered message came through{books.unknown}", promised)
        return None

    def intact(self, books: _Books, promised: str, *, also: str = "") -> Finding:
        unknown = books.count("unknown")
        also_unknown = f", {unknown} unknown" if unknown else ""
        figure = f"{books.count('answered') + books.count('heard')} intact{also_unknown}"
        return self.held(f"{books.through}, none of them wrong{also}{books.unknown}", promised, figure=figure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intact(_Integrity):
    """Inside each session, up to its end, no message of a crowd was lost, doubled, out of order or changed."""

    name: ClassVar[str] = "intact"
    crowd: str

    def judge(self, record: Record) -> Finding:
        promised = "every message once, in order and unaltered, up to the end of its connection"
        if (undecided := self.nobody(record, self.crowd, promised)) is not None:
            return undecided
        books = _Books.of(record, self.crowd)
        return (
            self.broken(books, promised)
            or self.nothing(books, promised)
            or self.unanswered(record, books, promised)
            or self.intact(books, promised)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Return:
    """A client that came back after its connection had ended."""

    attempt: Attempt
    away: float
    """Seconds from that end to the end of the attempt."""

    @property
    def refused(self) -> bool:
        return self.attempt.outcome in (Outcome.HTTP, Outcome.CLOSED)

    def words(self) -> str:
        return f"{describe(self.attempt)}, {format_duration(self.away)} after its connection ended"


class _Reconnects(_Integrity):
    """What is judged of clients that came back."""

    needs_fault: ClassVar[bool] = True

    def returns(self, record: Record) -> list[_Return]:
        """Each client's attempts after its first, with how long it had been away."""
        ends = record.endings(self.crowd)
        found = []
        for attempt in record.attempts(self.crowd):
            before = [end.at for end in ends if end.client == attempt.client and end.at <= attempt.began]
            if before:
                found.append(_Return(attempt=attempt, away=attempt.at - max(before)))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class IntactThroughReconnects(_Reconnects):
    """Who comes back within `within` seconds goes on where it was: nothing lost, nothing twice, in order."""

    name: ClassVar[str] = "intact_through_reconnects"
    crowd: str
    within: float

    def judge(self, record: Record) -> Finding:
        promised = (
            f"who comes back within {format_duration(self.within)} goes on where it was: nothing lost, nothing twice, "
            "in order"
        )
        books, returns = _Books.of(record, self.crowd), self.returns(record)
        if not returns:
            return self.inconclusive(f"no client of {self.crowd!r} had to come back", promised)
        if (broken := self.broken(books, promised)) is not None:
            return broken
        turned_away = [each for each in returns if each.attempt.outcome is not Outcome.OPEN]
        early = [each for each in turned_away if each.away <= self.within]
        if early:
            return self.violated(
                f"{len(early)} of {counted(len(returns), 'client')} could not come back; first: {early[0].words()}",
                promised,
                figure=f"{len(early)} not resumed",
                evidence=[each.words() for each in early],
            )
        longest = max(each.away for each in returns)
        if turned_away or (books.count("renewed") and longest > self.within):
            return self.inconclusive(
                f"it took us {format_duration(longest)} to come back, and sessions are kept for "
                f"{format_duration(self.within)}",
                promised,
            )
        renewed = books.count("renewed")
        if renewed:
            return self.violated(
                f"{counted(renewed, 'client')} came back within {format_duration(longest)} and got another session",
                promised,
                figure=f"{renewed} not resumed",
            )
        resumed = f"; {counted(books.count('resumed'), 'client')} came back within {format_duration(longest)}"
        return (
            self.nothing(books, promised)
            or self.unanswered(record, books, promised)
            or self.intact(books, promised, also=resumed)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainlyOver(_Reconnects):
    """Who comes back late is refused, or given another session, or still misses nothing: never a session with a gap."""

    name: ClassVar[str] = "plainly_over"
    crowd: str
    within: float
    """Seconds for which a session is promised to be kept."""
    said: tuple[str, ...] = field(default=("refused", "given another session", "resumed without a gap"), init=False)

    def judge(self, record: Record) -> Finding:
        promised = f"who comes back after more than {format_duration(self.within)} is {', or '.join(self.said)}"
        books, returns = _Books.of(record, self.crowd), self.returns(record)
        if not returns:
            return self.inconclusive(f"no client of {self.crowd!r} came back", promised)
        if (broken := self.broken(books, promised)) is not None:
            return broken
        speechless = [each for each in returns if not (each.refused or each.attempt.outcome is Outcome.OPEN)]
        if speechless:
            return self.violated(
                f"{len(speechless)} of {counted(len(returns), 'client')} were told nothing; first: "
                f"{speechless[0].words()}",
                promised,
                figure=f"{len(speechless)} told nothing",
                evidence=[each.words() for each in speechless],
            )
        refused = sum(each.refused for each in returns)
        outcomes = (refused, books.count("renewed"), books.count("resumed"))
        told = ", ".join(f"{count} {what}" for count, what in zip(outcomes, self.said, strict=True) if count)
        away = format_duration(min(each.away for each in returns))
        return self.held(f"{told}, {away} after their connections ended{books.unknown}", promised, figure=told)
