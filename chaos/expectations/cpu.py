"""What a server needs for the same work, before a fault and after it: a steady state is also one of its cores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.base import Expectation, Record
from chaos.expectations.shortage import SPINNING, could_have_used
from chaos.units import format_duration
from chaos.verdict import Finding

__all__ = ["AsBusyAsBefore"]

TWICE = 2.0
"""What the same work may take of a core, as a multiple of what it took before: of 22 pairs on a busy machine none took
more than 1.4 times as much."""

AT_LEAST = 0.1
"""Of a core: a server that does next to nothing may do a little more of it. What is due at once, or readable for good,
takes all of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AsBusyAsBefore(Expectation):
    """While the same is asked of it again the server uses no more than twice as much of a core.

    What it uses is its own, so that nothing excuses it. What others kept it from using says nothing where the same was
    answered: but where it used half of what it was left, it may have done so for no reason.
    """

    name: ClassVar[str] = "as_busy_as_before"
    needs_fault: ClassVar[bool] = True
    before: tuple[float, float]
    """From when to when it was asked the first time, seconds monotonic."""
    again: tuple[float, float]
    """And this time."""
    when: str
    """When that is, for the sentence: "2s after the fault had healed"."""

    def judge(self, record: Record) -> Finding:
        used, lasted = record.used(*self.before) or (0.0, 0.0)
        used_again, lasted_again = record.used(*self.again) or (0.0, 0.0)
        if not lasted or not lasted_again:
            return self.inconclusive(
                f"nobody could read what it used {self.when}, or before", "a server as busy as before the fault"
            )
        share, was, waited = used_again / lasted_again, used / lasted, record.starved(*self.again)
        limit = max(TWICE * was, AT_LEAST)
        promised = f"no more than {limit:.2f} of a core for what took {was:.2f} before the fault"
        observed = f"{share:.2f} of a core was used {self.when}, in {format_duration(lasted_again)}"
        figure = f"{share:.2f} cores"
        if share > limit:
            return self.violated(observed, promised, figure=figure)
        if could_have_used(used_again, lasted_again, waited) > max(limit, SPINNING):
            return self.within_uncertainty(observed, promised, waited, figure=figure)
        return self.held(observed, promised, figure=figure)
