"""Who polls learns no less than who listens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.base import Expectation, Record
from chaos.journal import Frame, Polled
from chaos.units import counted, format_duration
from chaos.verdict import Finding

__all__ = ["PolledInTime"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolledInTime(Expectation):
    """Every answer to a poll is the latest broadcast that a listener had heard `within` seconds before, or a later one.

    When it was told is when a listener heard it: whoever was late in writing that down was so in the server's favour.
    """

    name: ClassVar[str] = "polled_in_time"
    crowd: str
    """The traced crowd that listens."""
    message: str
    """A regular expression for a broadcast, and for the answer to a poll."""
    sequence: str
    """A regular expression whose group 1 is the broadcast's number."""
    within: float
    start: float
    """From when on the polls count, seconds monotonic."""

    def judge(self, record: Record) -> Finding:
        promised = f"a poll tells what was broadcast {format_duration(self.within)} before, or later"
        if (undecided := self.nobody(record, self.crowd, promised)) is not None:
            return undecided
        polls = [poll for poll in record.journal.of(Polled) if poll.began >= self.start]
        if not polls:
            return self.inconclusive("nobody polled", promised)
        broken = [why for poll in polls if (why := self._not_told(poll))]
        if broken:
            return self.violated(
                f"{len(broken)} of {len(polls)} polls were not answered with a broadcast, the first by {broken[0]}",
                promised,
                figure=f"{len(polls) - len(broken)}/{len(polls)} polls",
                evidence=broken,
            )
        heard = self._heard(record)
        if not any(frame.at <= poll.began for poll in polls for frame, _ in heard):
            return self.inconclusive("no broadcast was heard before the last poll", promised)
        behind = {poll.began: self._behind(poll, heard) for poll in polls}
        began, worst = max(behind.items(), key=lambda each: each[1])
        late = sum(seconds > self.within for seconds in behind.values())
        figure = f"{format_duration(worst)} behind"
        return self.by_limit(
            record,
            worst,
            self.within,
            observed=f"{late} of {counted(len(polls), 'poll')} told too little, the worst {figure}"
            if late
            else f"{counted(len(polls), 'poll')}, the worst {figure}",
            promised=promised,
            uncertainty=record.of_ours(None, began - worst, began),
            figure=figure,
        )

    def _not_told(self, poll: Polled) -> str:
        """What came instead of a broadcast with its number; empty where that came."""
        if poll.status != 200:
            return f"HTTP {poll.status}: {poll.text}" if poll.status else poll.text
        if re.search(self.message, poll.text) is None or re.search(self.sequence, poll.text) is None:
            return repr(poll.text[:80])
        return ""

    def _heard(self, record: Record) -> list[tuple[Frame, int]]:
        """The broadcasts that listeners heard, with their numbers."""
        return [
            (frame, int(found[1]))
            for frame in record.frames(self.crowd, opcode="text")
            if re.search(self.message, frame.text) and (found := re.search(self.sequence, frame.text))
        ]

    def _behind(self, poll: Polled, heard: Sequence[tuple[Frame, int]]) -> float:
        """For how long a listener had known of something later when the poll was sent; 0 where none had."""
        found = re.search(self.sequence, poll.text)
        told = int(found[1]) if found else 0
        later = [frame.at for frame, number in heard if number > told and frame.at <= poll.began]
        return poll.began - min(later) if later else 0.0
