"""Messages that carry numbers: none is lost, doubled, out of order or changed, inside a session and through reconnects.

What was sent and not answered when a connection ended is unknown, and no breach: nobody can say whether it arrived.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from chaos.expectations.attempts import describe
from chaos.expectations.base import Expectation, Record, Uncertainty
from chaos.journal import Attempt, Bite, Correspondence, Healing, HealingState, Outcome
from chaos.units import counted, format_duration
from chaos.verdict import Finding

__all__ = ["Books", "Intact", "IntactThroughReconnects", "Integrity", "PlainlyOver"]

BREACHES = ("foreign", "lost", "duplicated", "reordered", "corrupted")
"""What may be wrong with a message, by the fields of a Correspondence."""


@dataclass(frozen=True, slots=True)
class Books:
    """What a crowd's clients have written down, each one's latest."""

    each: tuple[Correspondence, ...]

    @classmethod
    def of(cls, record: Record, crowd: str) -> Books:
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


class Integrity(Expectation):
    """What is judged of the books, whatever else is."""

    crowd: str
    """Whose books."""

    def broken(self, books: Books, promised: str) -> Finding | None:
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

    def unanswered(self, record: Record, books: Books, promised: str) -> Finding | None:
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
        return self.breached(
            observed,
            promised,
            ours.if_most_of(waited),
            figure=f"{missing} unanswered",
            evidence=books.examples(("unanswered", "unknown")),
        )

    def nothing(self, books: Books, promised: str) -> Finding | None:
        """The finding where nothing can be said because nothing came through."""
        if not books.each:
            return self.inconclusive(f"no client of {self.crowd!r} has written its books", promised)
        if not books.count("answered") and not books.count("heard"):
            return self.inconclusive(f"not one numbered message came through{books.unknown}", promised)
        return None

    def intact(self, books: Books, promised: str, *, also: str = "") -> Finding:
        unknown = books.count("unknown")
        also_unknown = f", {unknown} unknown" if unknown else ""
        figure = f"{books.count('answered') + books.count('heard')} intact{also_unknown}"
        return self.held(f"{books.through}, none of them wrong{also}{books.unknown}", promised, figure=figure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intact(Integrity):
    """Inside each session, up to its end, no message of a crowd was lost, doubled, out of order or changed."""

    name: ClassVar[str] = "intact"
    crowd: str

    def judge(self, record: Record) -> Finding:
        promised = "every message once, in order and unaltered, up to the end of its connection"
        if (undecided := self.nobody(record, self.crowd, promised)) is not None:
            return undecided
        books = Books.of(record, self.crowd)
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
    ended: float
    """When its connection had, seconds monotonic."""

    @property
    def away(self) -> float:
        """Seconds from that end to the end of the attempt: the server may have looked at any time until then."""
        return self.attempt.at - self.ended

    @property
    def away_at_least(self) -> float:
        """Seconds from that end to when it knocked: before that the server cannot have looked."""
        return self.attempt.began - self.ended

    @property
    def refused(self) -> bool:
        return self.attempt.outcome in (Outcome.HTTP, Outcome.CLOSED)

    @property
    def waited_in_vain(self) -> bool:
        """Whether all that is known is that nothing came in time."""
        return self.attempt.outcome is Outcome.TIMEOUT

    def words(self) -> str:
        return f"{describe(self.attempt)}, {format_duration(self.away)} after its connection ended"


class _Reconnects(Integrity):
    """What is judged of clients that came back."""

    needs_fault: ClassVar[bool] = True
    within: float
    """Seconds for which a session is promised to be kept."""

    def returns(self, record: Record) -> list[_Return]:
        """Each client's attempts after its first, with the end of the connection before."""
        ends = record.endings(self.crowd)
        found = []
        for attempt in record.attempts(self.crowd):
            before = [end.at for end in ends if end.client == attempt.client and end.at <= attempt.began]
            if before:
                found.append(_Return(attempt=attempt, ended=max(before)))
        return found

    def blunt(self, record: Record) -> str:
        """Why a way back says nothing of the server: a fault that was not seen to act on all, or not taken away again.

        Empty where there is nothing of the kind. Whom the server never saw leave it need not let in again, and nobody
        gets through a link that is still broken.
        """
        for receipt in record.receipts():
            if receipt.bite is not Bite.BIT or receipt.covered < receipt.total:
                return f"{receipt.fault} did not bite as it should"
        failed = (each for each in record.journal.of(Healing) if each.state is HealingState.FAILED)
        return next((f"{each.fault} could not be healed" for each in failed), "")

    def may_be_ours(self, record: Record, each: _Return) -> Uncertainty | None:
        """What a client that was turned away may owe to us; None where it is the server's.

        Its end was written down by a process that may have been late: then it had been away for longer than we know.
        One that waited in vain did so while that process, or the server, may not have been running.
        """
        began, at = each.attempt.began, each.attempt.at
        if each.waited_in_vain:
            ours = record.of_ours(self.crowd, began, at)
            return ours.if_most_of(at - began)
        if not each.refused:
            return None
        late = record.crowd_late(self.crowd, each.ended, at)
        return late if late.seconds >= self.within - each.away else None

    def turned_away(
        self, record: Record, those: Sequence[_Return], promised: str, *, said: str, figure: str
    ) -> Finding | None:
        """The finding of clients that ought not to have been turned away; None where there are none.

        `said` is what became of how many, `{}`, in words.
        """
        if not those:
            return None
        ours = [(each, found) for each in those if (found := self.may_be_ours(record, each)) is not None]
        certain = [each for each in those if each not in [doubtful for doubtful, _ in ours]]
        if not certain:
            first, uncertainty = ours[0]
            return self.within_uncertainty(f"{said.format(len(ours))}; first: {first.words()}", promised, uncertainty)
        observed = f"{said.format(len(certain))}; first: {certain[0].words()}"
        if why := self.blunt(record):
            return self.inconclusive(f"{observed}; {why}", promised)
        return self.violated(
            observed,
            promised,
            figure=figure.format(len(certain)),
            evidence=[each.words() for each in certain],
        )


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
        books, returns = Books.of(record, self.crowd), self.returns(record)
        if not returns:
            return self.inconclusive(f"no client of {self.crowd!r} had to come back", promised)
        if (broken := self.broken(books, promised)) is not None:
            return broken
        turned_away = [each for each in returns if each.attempt.outcome is not Outcome.OPEN]
        early = self.turned_away(
            record,
            [each for each in turned_away if each.away <= self.within],
            promised,
            said=f"{{}} of {counted(len(returns), 'client')} could not come back",
            figure="{} not resumed",
        )
        if early is not None:
            return early
        longest = max(each.away for each in returns)
        renewed = books.count("renewed")
        if turned_away or (renewed and longest > self.within):
            return self.inconclusive(
                f"it took us {format_duration(longest)} to come back, and sessions are kept for "
                f"{format_duration(self.within)}",
                promised,
            )
        if renewed:
            return self._renewed(record, returns, renewed, promised)
        resumed = books.count("resumed")
        if resumed < len(returns) and (books.count("answered") or books.count("heard")):
            return self.inconclusive(
                f"of {counted(len(returns), 'client')} that came back {resumed} said that it went on", promised
            )
        also = f"; {counted(resumed, 'client')} came back within {format_duration(longest)}"
        return (
            self.nothing(books, promised)
            or self.unanswered(record, books, promised)
            or self.intact(books, promised, also=also)
        )

    def _renewed(self, record: Record, returns: Sequence[_Return], renewed: int, promised: str) -> Finding:
        """The finding of clients that came back in time, as far as we know, and got another session."""
        longest = max(each.away for each in returns)
        observed = f"{counted(renewed, 'client')} came back within {format_duration(longest)} and got another session"
        late = record.crowd_late(
            self.crowd, min(each.ended for each in returns), max(each.attempt.at for each in returns)
        )
        if late.seconds and late.seconds >= self.within - longest:
            return self.within_uncertainty(observed, promised, late)
        if why := self.blunt(record):
            return self.inconclusive(f"{observed}; {why}", promised)
        return self.violated(observed, promised, figure=f"{renewed} not resumed")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainlyOver(_Reconnects):
    """Who comes back late is refused, or given another session, or still misses nothing: never a session with a gap."""

    name: ClassVar[str] = "plainly_over"
    crowd: str
    within: float
    said: tuple[str, ...] = field(default=("refused", "given another session", "resumed without a gap"), init=False)

    def judge(self, record: Record) -> Finding:
        promised = f"who comes back after more than {format_duration(self.within)} is {', or '.join(self.said)}"
        books, returns = Books.of(record, self.crowd), self.returns(record)
        if not returns:
            return self.inconclusive(f"no client of {self.crowd!r} came back", promised)
        if (broken := self.broken(books, promised)) is not None:
            return broken
        speechless = self.turned_away(
            record,
            [each for each in returns if not (each.refused or each.attempt.outcome is Outcome.OPEN)],
            promised,
            said=f"{{}} of {counted(len(returns), 'client')} were told nothing",
            figure="{} told nothing",
        )
        if speechless is not None:
            return speechless
        if (nothing := self.nothing(books, promised)) is not None:
            return nothing
        away = min(each.away_at_least for each in returns)
        if away <= self.within:
            early = sum(each.away_at_least <= self.within for each in returns)
            return self.inconclusive(
                f"{early} of {counted(len(returns), 'client')} came back in time, the first "
                f"{format_duration(away)} after its connection ended, and sessions are kept for "
                f"{format_duration(self.within)}",
                promised,
            )
        refused = sum(each.refused for each in returns)
        outcomes = (refused, books.count("renewed"), books.count("resumed"))
        told = ", ".join(f"{count} {what}" for count, what in zip(outcomes, self.said, strict=True) if count)
        if sum(outcomes) < len(returns):
            return self.inconclusive(
                f"of {counted(len(returns), 'client')} that came back: {told or 'nothing'}", promised
            )
        shown = format_duration(min(each.away for each in returns))
        return self.held(f"{told}, {shown} after their connections ended{books.unknown}", promised, figure=told)
