"""Opens again with each failure it hears of, also of a call that was under way when it opened.

Breaks the recovery timeout wherever calls overlap: it runs from the last of them to fail, and not from the opening.
"""

from __future__ import annotations

from reference_server.breaker import Permit, State
from reference_server.parts import Parts

DESCRIPTION = "a call that was under way when the circuit opened, and fails then, makes it wait anew"


def install(parts: Parts) -> None:
    """The time of the last failure is all that it keeps."""
    breaker = parts.upstream_breaker
    end_as_before = breaker._end

    def end(permit: Permit, *, succeeded: bool | None, kind: str = "failure") -> None:
        of_before = not permit.ended and breaker.state is State.OPEN
        end_as_before(permit, succeeded=succeeded, kind=kind)
        if of_before and succeeded is False:
            breaker._entered_at = breaker._monotonic()

    breaker._end = end  # type: ignore[method-assign]  # a defect replaces a method
