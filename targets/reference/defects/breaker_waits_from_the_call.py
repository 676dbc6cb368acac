"""Counts the recovery timeout from when the call began that opened the circuit, instead of from when it failed.

Breaks the recovery timeout where the upstream hangs: the whole time of the call is taken off, and a trial comes before
the upstream has had its rest. Where it answers with an error at once nothing is taken off.
"""

from __future__ import annotations

from reference_server.breaker import Permit, State
from reference_server.parts import Parts

DESCRIPTION = "after a call that hung, an open breaker tries again by as much too early as the call has hung"


def install(parts: Parts) -> None:
    """The time of the permit, and not that of its end."""
    breaker = parts.upstream_breaker
    end_as_before = breaker._end

    def end(permit: Permit, *, succeeded: bool | None, kind: str = "failure") -> None:
        was_open = breaker._state is State.OPEN
        end_as_before(permit, succeeded=succeeded, kind=kind)
        if breaker._state is State.OPEN and not was_open:
            breaker._entered_at = permit.given_at

    breaker._end = end  # type: ignore[method-assign]  # a defect replaces a method
