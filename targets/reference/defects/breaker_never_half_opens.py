"""Once open, the breakers never try the dependency again: the outage outlives its cause."""

from __future__ import annotations

import math

from reference_server.parts import Parts

DESCRIPTION = "an open circuit breaker stays open for ever, though the upstream is back"


def install(parts: Parts) -> None:
    """The wait of an open breaker never ends."""

    def open_for() -> float:
        return math.inf

    for breaker in (parts.upstream_breaker, parts.accept_breaker):
        breaker.open_for = open_for  # type: ignore[method-assign]  # a defect replaces a method
