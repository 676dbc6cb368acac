"""Hears of a trial that was answered, well or not, and never of one that was given up.

Breaks the breaker: a trial that the upstream leaves hanging stays one that is under way. When there are as many as may
be at once, the circuit is half-open for ever, and nobody is let through though the upstream has long been back.
"""

from __future__ import annotations

import math

from reference_server.breaker import Permit
from reference_server.parts import Parts

DESCRIPTION = "a breaker's trial that hangs keeps its place for ever"


def install(parts: Parts) -> None:
    """A trial's time-out is told to nobody, and its permit does not run out."""
    fail_as_before, cancel_as_before = Permit.failure, Permit.cancel

    def failure(self: Permit, kind: str = "failure") -> None:
        if self.probe and kind == "timeout":
            self.given_at = math.inf
        else:
            fail_as_before(self, kind)

    def cancel(self: Permit) -> None:
        if self.given_at < math.inf:
            cancel_as_before(self)

    Permit.failure = failure  # type: ignore[method-assign]  # a defect replaces a method
    Permit.cancel = cancel  # type: ignore[method-assign]  # a defect replaces a method
