"""Counters: after what happened outside, the server's own count of it has risen by just that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.base import Expectation, Record
from chaos.expectations.canary import times_lost
from chaos.expectations.readings import first_that_stays, may_be_ours, still_wrong, told, unread
from chaos.expectations.undecided import not_long_enough
from chaos.journal import Beat, Statistics
from chaos.units import counted, format_duration
from chaos.verdict import Finding

__all__ = ["CounterAgrees"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterAgrees(Expectation):
    """A counter rises by what happened between two times, at most `within` seconds after the second, and by no more."""

    name: ClassVar[str] = "counter_agrees"
    counter: str
    """Its name in the statistics table."""
    counted: str
    """What it counts, in words: "clients let in"."""
    happened: int
    """How often that happened from `start` to `end`, by the word of somebody else than the server."""
    start: float
    end: float
    within: float
    perhaps: int = 0
    """How many more of them there may have been, of which nobody but the server knows: clients that heard no answer."""
    beats: bool = False
    """Whether it counts what the canary sends as well: one message a beat, all along."""
    canary: bool = False
    """Whether it counts what becomes of the canary's connection as well: where that was lost nobody but the server
    knows how often it counted that."""

    def judge(self, record: Record) -> Finding:
        promised = (
            f"{self.counter!r} has risen by {self.happened} ({self.counted}) within {format_duration(self.within)}"
        )
        before = [reading for reading in told(record, self.counter) if reading.at <= self.start]
        after = told(record, self.counter, self.end)
        if not before or not after:
            return self.inconclusive(unread(record, self.counter), promised)
        first, last = before[-1], after[-1]
        right = first_that_stays(after, lambda reading: self._is_right(record, first, reading))
        uncertain = may_be_ours(record, self.end, (right or last).at)
        if right is None:
            watched, risen = last.at - last.took - self.end, _rise(first, last, self.counter)
            least, most = self._beats(record, first, last)
            beside = f" beside {least} to {most} beats of the canary" if self.beats else ""
            unheard = f", and {self.perhaps} who heard no answer" if self.perhaps else ""
            lost = times_lost(record, first.at - first.took, last.at) if self.canary else 0
            out = f", and the canary lost its connection {counted(lost, 'time')}" if lost else ""
            observed = (
                f"it has risen by {risen:g} where there were {self.happened} {self.counted}{beside}{unheard}{out}"
            )
            if self.happened + most < risen <= self.happened + most + self.perhaps + lost:
                return self.inconclusive(observed, promised)
            undecided = not_long_enough(
                self, observed, promised, watched=watched, limit=self.within, uncertainty=uncertain
            )
            # What it has counted too much it takes back in no time.
            if undecided is not None and risen <= self.happened + most:
                return undecided
            return self.violated(observed, promised, figure=f"{risen:g} of {self.happened + least}")
        shown = format_duration(right.at - self.end)
        return self.by_limit(
            record,
            still_wrong(after, self.end, right),
            self.within,
            observed=f"it has risen by {self.happened}, shown {shown} after the last of them",
            promised=promised,
            uncertainty=uncertain,
        )

    def _is_right(self, record: Record, first: Statistics, reading: Statistics) -> bool:
        least, most = self._beats(record, first, reading)
        return self.happened + least <= _rise(first, reading, self.counter) <= self.happened + most

    def _beats(self, record: Record, first: Statistics, reading: Statistics) -> tuple[int, int]:
        """How many beats the server received between two readings, at least and at most.

        One that was under way during a reading may have been counted by it or not; one that failed may have arrived.
        """
        if not self.beats:
            return 0, 0
        beats = record.journal.of(Beat)
        sure = [
            beat
            for beat in beats
            if beat.ok and first.at <= beat.at - beat.round_trip and beat.at <= reading.at - reading.took
        ]
        perhaps = [
            beat for beat in beats if first.at - first.took <= beat.at and beat.at - beat.round_trip <= reading.at
        ]
        return len(sure), len(perhaps)


def _rise(first: Statistics, reading: Statistics, counter: str) -> float:
    """By how much it has risen; what is no number has risen by nothing that could be right."""
    before, now = first.values[counter], reading.values[counter]
    return now - before if isinstance(now, float) and isinstance(before, float) else float("nan")
