"""What of a breaker's calls and hits may be the machine's, where one caller asks after the other.

A machine that is busy gives up calls that nobody would have given up, lets others have an answer that came too late,
and stamps requests when they are read and openings when their caller hears of them. Each of these shows in the calls
and the hits themselves: a fallback that took as long as a call that was given up, a live answer beyond the time-out, a
request after the end of its call, a trial that is due to the opening and not to its stamp. Only then, and only as far
as others kept a core away just there, is a breach excused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from chaos.expectations.breaker_model import Limits, by_call, stamped_after_its_end
from chaos.expectations.record import Record, Uncertainty, worst, worst_of_each
from chaos.journal import Call, Hit, Source

__all__ = ["Excuses", "OfTheMachine"]

FALLBACK = (Source.CACHED, Source.UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class OfTheMachine:
    """What others kept the upstream and the server from doing between two times, as far as a record tells.

    Our own caller is in neither: it takes the time before it asks and after it is answered, so that what it is late by
    makes no call shorter than it was.
    """

    record: Record

    def stamped_late(self, sent: float, stamped: float) -> Uncertainty:
        # Nobody looks at the upstream's threads: all that is known is whether the machine had a core for it.
        return self.record.crowded(sent, stamped)

    def undone(self, due: float, seen: float) -> Uncertainty:
        return self.record.starved(due, seen)


class Excuses:
    """Those of a record. Each is what may be ours of one thing that was seen; None where nothing may."""

    def __init__(self, record: Record, limits: Limits) -> None:
        self._record = record
        self._limits = limits
        self._ours = OfTheMachine(record)
        self._calls = sorted(record.calls(), key=attrgetter("began"))
        self._hits = sorted(record.hits(), key=attrgetter("at"))
        self._caused = by_call(self._calls, self._hits)[0] if self._calls else {}

    # -- answers ----------------------------------------------------------------------------------------------

    def answer(self, call: Call, *, wanted: Sequence[Source]) -> Uncertainty | None:
        """Of an answer that is none of those that were due."""
        if call.source is Source.NONE:
            return self._unanswered(call)
        if call.source is Source.LIVE:
            return self._late_timer(call) or worst_of_each(map(self._trial, self._caused[id(call)]))
        return self.not_live(call) if Source.LIVE in wanted and call.source in FALLBACK else None

    def not_live(self, call: Call) -> Uncertainty | None:
        """Of a call that got no live answer of an upstream that is well: it was given up, or it was turned away after
        one that was."""
        if self._caused[id(call)] or self._limits.may_be_given_up(call):
            return self._lost(call)
        # A live answer in between takes it back.
        for before in reversed(self._calls[: self._calls.index(call)]):
            if before.source is Source.LIVE:
                return None
            if (ours := self._lost(before)) is not None:
                return ours
        return None

    def _lost(self, call: Call) -> Uncertainty | None:
        return self._unanswered(call) if call.source is Source.NONE else self._given_up(call)

    def _unanswered(self, call: Call) -> Uncertainty | None:
        if not call.detail.startswith("no answer within"):
            return None
        ours = self._record.of_ours(None, call.began, call.at)
        return ours.if_most_of(call.round_trip)

    def _given_up(self, call: Call) -> Uncertainty | None:
        """Of a call that was given up: most of that time there was no core for the server, or none for the upstream,
        which had not read it by then or had been about to answer it well."""
        if call.source not in FALLBACK or not self._limits.may_be_given_up(call):
            return None
        if any(not 200 <= hit.status < 300 for hit in self._caused[id(call)]):
            return None
        return self._record.starved_mostly(call.began, call.at) or self._record.crowded_mostly(call.began, call.at)

    def _late_timer(self, call: Call) -> Uncertainty | None:
        """Of a live answer that came when the call should have been given up: what it took longer than that."""
        more = call.round_trip - self._limits.call_timeout
        ours = self._record.of_ours(None, call.began, call.at)
        return ours if 0 < more <= ours.seconds else None

    # -- what reached the upstream ----------------------------------------------------------------------------

    def too_few(self, owed: Iterable[Call]) -> Uncertainty | None:
        """Of calls that had to reach the upstream, where some of them did not."""
        return worst_of_each(self.not_live(call) for call in owed if not self._caused[id(call)])

    def no_trial(self, due: float, end: float) -> Uncertainty | None:
        """Of nobody's reaching the upstream from when a trial was due until a time."""
        starved = self._record.starved(due, end)
        if starved.seconds >= end - due:
            return starved
        given_up = (self._given_up(call) for call in self._record.calls(due, end) if not self._caused[id(call)])
        return next((ours for ours in given_up if ours is not None), None)

    def too_many(self, hits: Sequence[Hit], *, most: int, end: float) -> Uncertainty | None:
        """Of more hits until a time than there may be: some belong to calls of before, some are trials, or live answers
        that came too late have kept the circuit from opening."""
        if (late := self._kept_closed(end)) is not None:
            return late
        unstamped = self._unstamped()
        excuses = (self._of_before(hit, unstamped) or self._trial(hit) for hit in hits)
        ours = [excuse for excuse in excuses if excuse is not None]
        return worst(ours) if ours and len(ours) >= len(hits) - most else None

    def _kept_closed(self, end: float) -> Uncertainty | None:
        """Of the live answers since the last one in time, where there are any: each of them begins the count anew."""
        late = []
        for call in reversed(self._calls):
            if call.source is Source.LIVE and call.began <= end:
                if call.round_trip <= self._limits.call_timeout:
                    break
                late.append(self._late_timer(call))
        return worst_of_each(late)

    def _unstamped(self) -> list[Call]:
        """Calls that may have been given up before their requests were stamped."""
        return [
            call
            for call in self._calls
            if call.source is not Source.LIVE
            and self._limits.may_be_given_up(call)
            and not any(hit.at <= call.at for hit in self._caused[id(call)])
        ]

    def _of_before(self, hit: Hit, unstamped: list[Call]) -> Uncertainty | None:
        """Of a hit that may be the request of one of those calls, which is one of them no longer."""
        for call in unstamped:
            if (ours := stamped_after_its_end(self._ours, call, hit)) is not None:
                unstamped.remove(call)
                return ours
        return None

    def _trial(self, hit: Hit) -> Uncertainty | None:
        """Of a trial that seems to come too early: the circuit opened before the caller of the last failure had its
        answer, though not before the failing request came. A trial that comes on its heels is none."""
        failing = self._last_failure(hit.at)
        if failing is None or any(0 < each.at - hit.at < self._limits.recovery_timeout for each in self._hits):
            return None
        came = min((each.at for each in self._caused[id(failing)]), default=failing.began)
        ours = self._record.of_ours(None, failing.began, failing.at).at_most(failing.at - came)
        early = failing.at + self._limits.recovery_timeout - hit.at
        return ours if 0 < early <= ours.seconds else None

    def _last_failure(self, before: float) -> Call | None:
        """The last call that had failed by a time, and was not just turned away."""
        failed = (
            call
            for call in reversed(self._calls)
            if call.at <= before
            and call.source is not Source.LIVE
            and (self._caused[id(call)] or self._limits.may_be_given_up(call))
        )
        return next(failed, None)
