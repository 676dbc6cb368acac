"""Gives the permit of a trial back when its answer has come, and never where its caller has gone before.

Breaks the breaker: a trial that was called off stays one that is under way, so none is made any more and the circuit
never closes. Calls that end in an answer, in an error or by their timeout are counted as they should be.
"""

from __future__ import annotations

import math

from reference_server.breaker import Permit
from reference_server.parts import Parts

DESCRIPTION = "a caller that leaves in the middle of a breaker's trial keeps its place, and the circuit stays open"


def install(parts: Parts) -> None:
    """Only what has ended gives its permit back, and what was called off does not run out."""
    cancel_as_before = Permit.cancel

    def cancel(self: Permit) -> None:
        if self.probe and not self.ended:
            self.given_at = math.inf
        else:
            cancel_as_before(self)

    Permit.cancel = cancel  # type: ignore[method-assign]  # a defect replaces a method
