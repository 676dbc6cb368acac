"""An upstream that is slow and not too slow, judged by what its callers got."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.base import Expectation, Record
from chaos.journal import Source
from chaos.units import format_duration
from chaos.verdict import Finding

__all__ = ["WaitedFor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitedFor(Expectation):
    """Every call got the answer of an upstream that takes `delay` seconds, which is less than the server waits for.

    Nobody sees when the server asked, nor when the answer reached it; it has waited no longer than its caller has. A
    call whose caller waited for all the time that is promised may have been given up for an answer that came too late:
    the upstream's process is ours. That is inconclusive, and so is all that comes after it. One that was given up
    sooner, or not made at all, was not waited for.
    """

    name: ClassVar[str] = "waited_for"
    needs_fault: ClassVar[bool] = True
    start: float
    end: float
    delay: float
    within: float
    """The longest that an answer is promised to be waited for, seconds."""

    def judge(self, record: Record) -> Finding:
        promised = f"an answer that comes within {format_duration(self.within)} is waited for, and is its caller's"
        calls = record.calls(self.start, self.end)
        if not calls:
            return self.inconclusive("no call was made while the upstream was slow", promised)
        live = [call for call in calls if call.source is Source.LIVE]
        figure = f"{len(live)}/{len(calls)} live"
        observed = f"{len(live)} of {len(calls)} calls got the answer of an upstream that takes "
        observed += format_duration(self.delay)
        first = next(
            (call for call in sorted(calls, key=lambda call: call.began) if call.source is not Source.LIVE), None
        )
        if first is None:
            slowest = max(call.round_trip for call in calls)
            return self.held(f"{observed}, the last of them after {format_duration(slowest)}", promised, figure=figure)
        observed = f"{observed}; the first of the others got {first.source.value} after "
        observed += format_duration(first.round_trip)
        if first.source in (Source.CACHED, Source.UNAVAILABLE) and first.round_trip >= self.within:
            return self.inconclusive(f"{observed}: the answer may have been late by itself", promised, figure=figure)
        return self.violated(observed, promised, figure=figure)
