"""Raises the upstream's alert by the errors that it has answered with, so one that answers nothing raises none.

Breaks the alert where it is needed most: an upstream that hangs opens the circuit as promised, callers live on what the
cache has, and nobody is told.
"""

from __future__ import annotations

from reference_server.breaker import State
from reference_server.parts import Parts

DESCRIPTION = "while the upstream hangs, no alert says that its circuit is open"


def install(parts: Parts) -> None:
    """The circuit is open, and errors have opened it."""
    breaker = parts.upstream_breaker
    failed = breaker._failed
    latest = ""

    def hear(kind: str) -> None:
        nonlocal latest
        latest = kind
        failed(kind)

    def errors_have_opened_it() -> bool:
        return breaker.state is not State.CLOSED and latest == "error"

    breaker._failed = hear  # type: ignore[method-assign]  # a defect replaces a method
    conditions = dict(parts.alerts._conditions)
    parts.alerts._conditions = {**conditions, "upstream_breaker_open": errors_have_opened_it}
