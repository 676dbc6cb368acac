"""Shows the state that the accept breaker had when the statistics were built, at the start.

Breaks what is said of the accept breaker: it opens, turns away and closes as it should. Whoever looks at the statistics
finds it closed, and looks for the reason of the outage elsewhere.
"""

from __future__ import annotations

from reference_server.parts import Parts

DESCRIPTION = "the statistics say that the accept breaker is closed, whatever it is"


def install(parts: Parts) -> None:
    """It is said once."""
    breaker = parts.accept_breaker
    statistics = breaker.get_statistics
    at_first = breaker.state.value

    def as_at_first() -> dict[str, object]:
        return {**statistics(), "state": at_first}

    breaker.get_statistics = as_at_first  # type: ignore[method-assign]  # a defect replaces a method
