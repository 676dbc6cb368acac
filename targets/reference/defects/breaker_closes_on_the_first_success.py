"""Closes with the first trial that goes well, whatever number of them is set.

Breaks the trials of a half-open circuit: an upstream that answers now and then gets all of its load back with one
answer.
"""

from __future__ import annotations

from reference_server.breaker import State
from reference_server.parts import Parts

DESCRIPTION = "one good trial closes the circuit, where two are asked for"


def install(parts: Parts) -> None:
    """Any success will do."""
    breaker = parts.upstream_breaker
    succeeded = breaker._succeeded

    def close_at_once() -> None:
        succeeded()
        if breaker._state is State.HALF_OPEN:
            breaker._enter(State.CLOSED)

    breaker._succeeded = close_at_once  # type: ignore[method-assign]  # a defect replaces a method
