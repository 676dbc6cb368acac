"""Takes an upstream that refuses connections for one that is being restarted, and does not count that as a failure.

Breaks the accept breaker when the upstream is down altogether: each client is let through to it and fails by itself.
Errors and time-outs open the circuit as promised.
"""

from __future__ import annotations

from reference_server.parts import Parts

DESCRIPTION = "refused connections are no failures to the accept breaker"


def install(parts: Parts) -> None:
    """Hear of answers and of time-outs, good or bad."""
    breaker = parts.accept_breaker
    failed = breaker._failed

    def count(kind: str) -> None:
        if kind in ("error", "timeout"):
            failed(kind)

    breaker._failed = count  # type: ignore[method-assign]  # a defect replaces a method
