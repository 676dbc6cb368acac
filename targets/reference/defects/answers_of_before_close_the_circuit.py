"""Closes with each answer it hears of, also of a call that was under way when the circuit opened.

Breaks "open" wherever calls overlap: an upstream that fails nearly everybody still answers somebody, and each of these
answers sends it the next callers.
"""

from __future__ import annotations

from reference_server.breaker import Permit, State
from reference_server.parts import Parts

DESCRIPTION = "the answer to a call that was under way when the circuit opened closes it"


def install(parts: Parts) -> None:
    """A success closes it, whatever it was."""
    breaker = parts.upstream_breaker
    end_as_before = breaker._end

    def end(permit: Permit, *, succeeded: bool | None, kind: str = "failure") -> None:
        of_before = not permit.ended and breaker.state is State.OPEN
        end_as_before(permit, succeeded=succeeded, kind=kind)
        if of_before and succeeded:
            breaker._enter(State.CLOSED)

    breaker._end = end  # type: ignore[method-assign]  # a defect replaces a method
