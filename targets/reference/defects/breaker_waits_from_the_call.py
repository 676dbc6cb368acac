"""Counts the time that a circuit stays open from when the call was made that opened it, not from when it failed.

Breaks the recovery timeout where the upstream hangs: the call that opens the circuit has taken half of that time before
it is given up. An upstream that fails at once shows nothing.
"""

from __future__ import annotations

from reference_server.breaker import Permit, State
from reference_server.parts import Parts

DESCRIPTION = "after calls that hung the circuit is tried again too early, by as long as they took"


def install(parts: Parts) -> None:
    """Enter the open state at the time that the permit was given."""
    breaker = parts.upstream_breaker
    end_as_before = breaker._end

    def end(permit: Permit, *, succeeded: bool | None, kind: str = "failure") -> None:
        was_open = breaker.state is State.OPEN
        end_as_before(permit, succeeded=succeeded, kind=kind)
        if not was_open and breaker.state is State.OPEN:
            breaker._entered_at = permit.given_at

    breaker._end = end  # type: ignore[method-assign]  # a defect replaces a method
