"""Makes its client of the upstream anew when it could not connect, and the cache that is kept in it as well.

Breaks what a circuit breaker is for: while the upstream answers with errors, or hangs, callers get the last good value.
When it is down altogether they get nothing.
"""

from __future__ import annotations

from reference_server.guard import DependencyFailed
from reference_server.parts import Parts

DESCRIPTION = "when the upstream refuses connections, the last good value is thrown away"


def install(parts: Parts) -> None:
    """Begin anew with nothing."""
    source = parts.source
    ask_as_before = source._ask

    async def ask() -> object:
        try:
            return await ask_as_before()
        except DependencyFailed as failure:
            if failure.kind not in ("error", "timeout"):
                source._cached = None
            raise

    source._ask = ask  # type: ignore[method-assign]  # a defect replaces a method
