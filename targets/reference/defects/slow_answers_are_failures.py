"""Counts each call that takes more than a tenth of a second as a failure, though its caller has the answer.

Breaks the breaker where the upstream is slow and not too slow: five slow answers in a row open the circuit, and
everybody gets an old value of an upstream that answers. It was meant as an early warning.
"""

from __future__ import annotations

from reference_server.breaker import Permit
from reference_server.parts import Parts

DESCRIPTION = "an answer that takes more than 100 ms counts as a failure of the upstream"

SLOW = 0.1
"""Seconds; a call is given up after 0.25."""


def install(parts: Parts) -> None:
    """The time of a success decides what it is."""
    breaker = parts.upstream_breaker
    end_as_before = breaker._end

    def end(permit: Permit, *, succeeded: bool | None, kind: str = "failure") -> None:
        if succeeded and breaker._monotonic() - permit.given_at > SLOW:
            succeeded, kind = False, "slow"
        end_as_before(permit, succeeded=succeeded, kind=kind)

    breaker._end = end  # type: ignore[method-assign]  # a defect replaces a method
