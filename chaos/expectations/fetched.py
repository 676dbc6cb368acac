"""Who fetches the feed again and again learns no less than who listens to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.base import Expectation, Record
from chaos.journal import FeedFetched, Frame
from chaos.units import counted, format_duration
from chaos.verdict import Finding

__all__ = ["FetchedInTime"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedInTime(Expectation):
    """Fetched, a feed tells the latest broadcast that a listener had heard `within` seconds before, or a later one.

    When it was told is when a listener heard it: whoever was late in writing that down was so in the server's favour.
    """

    name: ClassVar[str] = "fetched_in_time"
    crowd: str
    """The traced crowd that listens."""
    message: str
    """A regular expression for a broadcast, and for an answer of the feed's path."""
    sequence: str
    """A regular expression whose group 1 is the broadcast's number."""
    within: float
    start: float
    """From when on answers count, seconds monotonic."""

    def judge(self, record: Record) -> Finding:
        promised = f"fetched, the feed tells what was broadcast {format_duration(self.within)} before, or later"
        if (undecided := self.nobody(record, self.crowd, promised)) is not None:
            return undecided
        fetches = [fetch for fetch in record.journal.of(FeedFetched) if fetch.began >= self.start]
        if not fetches:
            return self.inconclusive("nobody fetched the feed", promised)
        if (broken := self._broken(record, fetches, promised)) is not None:
            return broken
        heard = self._heard(record)
        if not any(frame.at <= fetch.began for fetch in fetches for frame, _ in heard):
            return self.inconclusive("no broadcast was heard before the feed was fetched for the last time", promised)
        behind = {fetch.began: self._behind(fetch, heard) for fetch in fetches}
        began, worst = max(behind.items(), key=lambda each: each[1])
        late = sum(seconds > self.within for seconds in behind.values())
        figure = f"{format_duration(worst)} behind"
        return self.by_limit(
            record,
            worst,
            self.within,
            observed=f"{late} of {counted(len(fetches), 'answer')} told too little, the worst {figure}"
            if late
            else f"{counted(len(fetches), 'answer')}, the worst {figure}",
            promised=promised,
            uncertainty=record.of_ours(None, began - worst, began),
            figure=figure,
        )

    def _broken(self, record: Record, fetches: Sequence[FeedFetched], promised: str) -> Finding | None:
        """The finding where anything but a broadcast came; None where one came each time.

        Of one that nobody answered in time all that is known is how long was waited: while the conductor was not
        running, or the server had no core, for most of that, nobody knows whether it would have been answered.
        """
        broken = [(fetch, why) for fetch in fetches if (why := self._not_told(fetch))]
        ours = {fetch.began: record.of_ours(None, fetch.began, fetch.at) for fetch, _ in broken if fetch.timed_out}
        certain = [
            why
            for fetch, why in broken
            if not fetch.timed_out or not ours[fetch.began].is_most_of(fetch.at - fetch.began)
        ]
        those = certain or [why for _, why in broken]
        if not those:
            return None
        observed = f"{len(those)} of {counted(len(fetches), 'time')} the feed told no broadcast, the first {those[0]}"
        figure = f"{len(fetches) - len(broken)}/{len(fetches)} told"
        if not certain:
            return self.within_uncertainty(observed, promised, ours[broken[0][0].began], figure=figure)
        return self.violated(observed, promised, figure=figure, evidence=certain)

    def _not_told(self, fetched: FeedFetched) -> str:
        """What came instead of a broadcast with its number; empty where that came."""
        if fetched.status != 200:
            return f"HTTP {fetched.status}: {fetched.text}" if fetched.status else fetched.text
        if re.search(self.message, fetched.text) is None or re.search(self.sequence, fetched.text) is None:
            return repr(fetched.text[:80])
        return ""

    def _heard(self, record: Record) -> list[tuple[Frame, int]]:
        """The broadcasts that listeners heard, with their numbers."""
        return [
            (frame, int(found[1]))
            for frame in record.frames(self.crowd, opcode="text")
            if re.search(self.message, frame.text) and (found := re.search(self.sequence, frame.text))
        ]

    def _behind(self, fetched: FeedFetched, heard: Sequence[tuple[Frame, int]]) -> float:
        """For how long a listener had known of something later when the feed was fetched; 0 where none had."""
        found = re.search(self.sequence, fetched.text)
        told = int(found[1]) if found else 0
        later = [frame.at for frame, number in heard if number > told and frame.at <= fetched.began]
        return fetched.began - min(later) if later else 0.0
