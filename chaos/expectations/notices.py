"""What clients are told before something happens to them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.base import Expectation, Record
from chaos.expectations.record import Uncertainty, blame
from chaos.verdict import Finding

__all__ = ["NotWarnedEarly", "Warned"]


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
        told, ours = blame(missed, lambda client: self._ours(record, client))
        if told:
            observed = f"{len(told)} of {len(opened)} clients got no warning"
            evidence = (f"client {client}" for client in told)
            return self.breached(observed, promised, ours, figure=figure, evidence=evidence)
        return self.held(f"all {len(opened)} were warned", promised, figure=figure)

    def _ours(self, record: Record, client: int) -> Uncertainty | None:
        """What of ours may be why a client got no warning; None where nothing may: it was given up for that before it
        was due, or most of the time in which it was waited for was not the server's."""
        ended = next((each for each in record.endings(self.crowd) if each.client == client), None)
        until = record.journal.events[-1].at if ended is None else ended.at
        ours = record.of_ours(self.crowd, self.since, until)
        kept = ours.if_most_of(until - self.since) if until > self.since else None
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
