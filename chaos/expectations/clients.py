"""Clients who are inside: left alone, or closed in the promised way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.attempts import cut_off, how_it_ended, tally_texts, until_usable
from chaos.expectations.base import Expectation, Record
from chaos.expectations.record import Uncertainty, blame, worst
from chaos.journal import Attempt, Ended, Traffic
from chaos.verdict import Finding

__all__ = ["ClosedWith", "Undisturbed"]


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
        ended = [each for each in record.endings(self.crowd) if each.by == "server"]
        cut, may_be_given_up = blame(ended, record.given_up_for)
        if cut and may_be_given_up is None:
            return self.violated(
                cut_off(cut, opened, who="untouched clients"),
                promised,
                figure=f"{len(cut)} cut",
                evidence=map(how_it_ended, cut),
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
        excused = [ours for ours in (may_be_given_up, *(ours for _, ours in missing)) if ours is not None]
        if excused:
            observed = (
                cut_off(cut, opened, who="untouched clients")
                if cut
                else f"{sum(count for count, _ in missing)} exchanges of untouched clients were not answered"
            )
            return self.within_uncertainty(observed, promised, worst(excused))
        undecided = None if self.who_got_in and opened else self.nobody(record, self.crowd, promised)
        if undecided is not None:
            return undecided
        answered = sum(each.answered for each in record.journal.of(Traffic) if each.crowd == self.crowd)
        return self.held(f"all {len(opened)} stayed, {answered} answers right", promised)


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
                f"{tally_texts([how_it_ended(each) for each in early])}",
                promised,
            )
        others = [(each, endings.get(each.client)) for each in opened if not self._fits(endings.get(each.client))]
        figure = f"{len(opened) - len(others)}/{len(opened)}"
        if not others:
            return self.held(f"{figure} closed with {codes}", promised, figure=figure)
        asked = record.asked_to_stop(after=max(each.at for each in opened))
        told, ours = blame(others, lambda other: self._ours(record, other[1], self._from(other[0], asked)))
        ends = [
            how_it_ended(ended) if ended is not None else f"client {each.client}: still open" for each, ended in told
        ]
        observed = f"{len(ends)} of {len(opened)} clients were not closed with {codes}, but: {tally_texts(ends)}"
        if ours is not None and all(ended is None for _, ended in told):
            return self.inconclusive(f"{observed}, and nobody looked longer", promised, figure=figure)
        return self.breached(observed, promised, ours, figure=figure, evidence=ends)

    def _fits(self, ended: Ended | None) -> bool:
        return ended is not None and ended.how == "close" and (not self.codes or ended.code in self.codes)

    def _from(self, attempt: Attempt, asked: float | None) -> float:
        """From when the server had time to close a client, seconds monotonic."""
        known = (at for at in (self.since, asked) if at is not None)
        return next(known, attempt.began + until_usable(attempt))

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
            kept = ours.if_most_of(max(self.within, ended.at - since))
            return kept or record.given_up_for(ended)
        if ended.how == "timeout" and (not self.codes or ended.code in self.codes):
            ours = record.of_ours(self.crowd, ended.said_at, ended.at)
            return ours.if_most_of(ended.at - ended.said_at)
        return None

    def _closed_before(self, record: Record, opened: Sequence[Attempt], endings: Mapping[int, Ended]) -> list[Ended]:
        """Those whom the server closed before it could know of its end, where it was told since they had come."""
        ends = (endings[attempt.client] for attempt in opened if attempt.client in endings)
        by_the_server = (ended for ended in ends if ended.by == "server")
        return record.ended_unasked(by_the_server, after=max(attempt.at for attempt in opened))
