"""How fast: round trips, broadcasts, recovery, shutdown."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from chaos.expectations.base import Expectation, Record, quantile, rank
from chaos.expectations.record import Uncertainty, worst
from chaos.journal import ServerEvent
from chaos.units import format_duration
from chaos.verdict import Finding

__all__ = ["DeliveredInSequence", "RecoveredWithin", "RoundTripsWithin", "ShutDownWithin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTripsWithin(Expectation):
    """Every exchange is answered rightly, and the 99th percentile of the round trips stays within `p99` seconds.

    Where there was a fault, they have to be of the time in which it was seen to act.
    """

    name: ClassVar[str] = "round_trips_within"
    wanted: int
    """Exchanges that were to be made."""
    sent: int
    answered: int
    round_trips: tuple[float, ...]
    p99: float
    why: str = ""
    crowd: str = ""
    """Whose round trips they are; without it nobody knows whose lateness may be in them, so everybody's counts."""
    sent_at: tuple[float, ...] = ()
    """When each of them began, seconds monotonic, in their order; without it nobody knows which of them had to wait for
    what was not the server's, so each may have waited for all of it."""
    start: float = -math.inf
    end: float = math.inf
    """When they were made, seconds monotonic."""

    def __post_init__(self) -> None:
        if self.sent_at and len(self.sent_at) != len(self.round_trips):
            raise ValueError(f"{len(self.round_trips)} round trips, of which {len(self.sent_at)} say when they began")
        if self.sent_at and not self.crowd:
            raise ValueError("when each began tells whose lateness is in it only where the crowd is named")

    def judge(self, record: Record) -> Finding:
        because = f" ({self.why})" if self.why else ""
        promised = f"99 % of the round trips within {format_duration(self.p99)}{because}"
        bitten = max((receipt.at for receipt in record.receipts()), default=self.start)
        if self.end < bitten:
            return self.inconclusive(
                f"the last exchange was over {format_duration(bitten - self.end)} before the fault was seen to act",
                promised,
            )
        healed = record.healed_since()
        if healed is not None and self.start > healed:
            return self.inconclusive("the first exchange began when the fault had been healed", promised)
        if self.answered < self.sent:
            observed = f"{self.sent - self.answered} of {self.sent} exchanges were not answered rightly"
            given_up = record.unanswered(self.crowd, self.start, self.end)
            ours = [(count, found) for count, found in given_up if found is not None]
            if sum(count for count, _ in ours) >= self.sent - self.answered:
                return self.within_uncertainty(observed, promised, worst(found for _, found in ours))
            return self.violated(observed, promised, figure=f"{self.answered}/{self.sent}")
        # After those that were left without an answer: whoever was cut off while it waited could not ask again.
        if self.sent < self.wanted:
            return self.inconclusive(f"{self.sent} of {self.wanted} exchanges could be sent", promised)
        if not self.round_trips:
            return self.inconclusive("nobody was left to ask anything", promised)
        measured = quantile(self.round_trips, 0.99)
        figure = f"p99 {format_duration(measured)}"
        observed = f"{figure} of {self.sent} round trips, median {format_duration(quantile(self.round_trips, 0.5))}"
        return self.by_limit(
            record,
            measured,
            self.p99,
            observed=observed,
            promised=promised,
            uncertainty=self._uncertainty(record),
            figure=figure,
        )

    def _uncertainty(self, record: Record) -> Uncertainty | None:
        """By how much the percentile is less where each round trip is without what was not the server's while it ran.

        What kept the server from running at other times is in none of them: on a busy machine that is 0.6 s of the 5 s
        in which a burst is watched, and as much as a server took too long that blocked its loop for 0.8 s.
        """
        if not self.crowd:
            return None
        if not self.sent_at:
            return record.of_ours(self.crowd, self.start, self.end)
        times = [(at, at + took) for took, at in zip(self.round_trips, self.sent_at, strict=True)]
        return record.of_ours_in_each(self.crowd, times, self.p99, nth=rank(len(times), 0.99))


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveredWithin(Expectation):
    """From the healing of the fault, all clients of a crowd get in within `limit` seconds."""

    name: ClassVar[str] = "recovered_within"
    needs_fault: ClassVar[bool] = True
    crowd: str
    count: int
    limit: float
    since: float | None = None
    """When recovery began, seconds monotonic, where that is not the healing of the fault."""

    def judge(self, record: Record) -> Finding:
        promised = f"service as before within {format_duration(self.limit)} of healing"
        healed = self.since if self.since is not None else record.healed_since()
        if healed is None:
            return self.inconclusive("no fault was seen to heal", promised)
        opened = [attempt for attempt in record.opened(self.crowd) if attempt.at >= healed]
        if len(opened) < self.count:
            observed, figure = f"{len(opened)} of {self.count} clients got in again", f"{len(opened)}/{self.count}"
            tried = [attempt for attempt in record.attempts(self.crowd) if attempt.at >= healed]
            ours = [found for attempt in tried if (found := record.failed_for(attempt)) is not None]
            if len(opened) + len(ours) >= self.count:
                return self.within_uncertainty(observed, promised, worst(ours), figure=figure)
            not_started = [event.detail for event in record.journal.of(ServerEvent) if event.what == "not started"]
            return self.violated(observed, promised, figure=figure, evidence=not_started)
        took = sorted(attempt.at - healed for attempt in opened)[self.count - 1]
        figure = format_duration(took)
        observed = f"all {self.count} clients served again {figure} after healing"
        served = healed + took
        uncertainty = (
            record.coming_back(self.crowd, healed)
            + record.conductor_late(healed, served)
            + record.of_ours(self.crowd, healed, served)
        )
        return self.by_limit(
            record, took, self.limit, observed=observed, promised=promised, uncertainty=uncertainty, figure=figure
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredInSequence(Expectation):
    """Every listener hears a broadcast at least every `gap` seconds between `start` and `end`, and misses none."""

    name: ClassVar[str] = "delivered_in_sequence"
    crowd: str
    gap: float
    start: float
    end: float
    message: str
    """A regular expression for a broadcast: other messages do not count."""
    sequence: str | None
    """A regular expression whose group 1 is the broadcast's number; None where broadcasts carry none."""

    def judge(self, record: Record) -> Finding:
        promised = f"a broadcast to every listener at least every {format_duration(self.gap)}, none lost or repeated"
        if (undecided := self.nobody(record, self.crowd, promised)) is not None:
            return undecided
        opened = record.opened(self.crowd)
        messages = [
            frame
            for frame in record.frames(self.crowd, opcode="text")
            if self.start <= frame.at <= self.end and re.search(self.message, frame.text)
        ]
        if self.sequence is not None and messages and not re.search(self.sequence, messages[0].text):
            return self.inconclusive(
                f"a broadcast carries no number by {self.sequence!r}: {messages[0].text!r}", promised
            )
        gaps: list[tuple[float, float]] = []
        for attempt in opened:
            heard = [frame for frame in messages if frame.client == attempt.client]
            marks = [self.start, *(frame.at for frame in heard), self.end]
            gaps.extend(pairwise(marks))
            broken = self._out_of_sequence([frame.text for frame in heard])
            if broken:
                return self.violated(f"listener {attempt.client}: {broken}", promised, figure="out of sequence")
        longest = max(ended - began for began, ended in gaps)
        figure = f"gap {format_duration(longest)}"
        observed = f"{len(messages)} broadcasts to {len(opened)} listeners, longest gap {format_duration(longest)}"
        uncertainty = record.of_ours_in_each(self.crowd, gaps, self.gap)
        return self.by_limit(
            record, longest, self.gap, observed=observed, promised=promised, uncertainty=uncertainty, figure=figure
        )

    def _out_of_sequence(self, texts: list[str]) -> str:
        if self.sequence is None:
            return ""
        numbers = [int(found[1]) for text in texts if (found := re.search(self.sequence, text))]
        for earlier, later in pairwise(numbers):
            if later != earlier + 1:
                kind = "repeated or reordered" if later <= earlier else f"{later - earlier - 1} lost"
                return f"broadcast {later} came after {earlier} ({kind})"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShutDownWithin(Expectation):
    """From SIGTERM the server ends by itself within `limit` seconds, with exit code 0."""

    name: ClassVar[str] = "shut_down_within"
    limit: float

    def judge(self, record: Record) -> Finding:
        promised = f"the process ends with exit code 0 within {format_duration(self.limit)} of SIGTERM"
        asked = record.asked_to_stop()
        if asked is None:
            return self.inconclusive("the server was never asked to stop", promised)
        events = record.journal.of(ServerEvent)
        exited = next((event for event in events if event.what == "exited" and event.at >= asked), None)
        if exited is None:
            return self._still_running(record, asked, promised)
        took = exited.at - asked
        figure = format_duration(took)
        if exited.exit_code is None:
            return self.inconclusive(f"ended {figure} after SIGTERM with an exit code nobody could read", promised)
        if exited.exit_code != 0:
            return self.violated(f"ended with exit code {exited.exit_code} after {figure}", promised, figure=figure)
        observed = f"ended {figure} after SIGTERM"
        uncertainty = record.of_ours(None, asked, exited.at)
        return self.by_limit(
            record, took, self.limit, observed=observed, promised=promised, uncertainty=uncertainty, figure=figure
        )

    def _still_running(self, record: Record, asked: float, promised: str) -> Finding:
        """It may end at any time yet: until when it was looked at counts, and what kept it from running until then."""
        last = record.journal.events[-1].at
        observed = f"still running {format_duration(last - asked)} after SIGTERM"
        if last - asked <= self.limit:
            return self.inconclusive(f"{observed}, and nobody looked longer", promised)
        uncertainty = record.of_ours(None, asked, last)
        return self.by_limit(
            record,
            last - asked,
            self.limit,
            observed=observed,
            promised=promised,
            uncertainty=uncertainty,
            figure="never",
        )
