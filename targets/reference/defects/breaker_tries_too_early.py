"""Takes jitter off the recovery timeout, so that not all instances of a fleet try at once, and takes off too much.

Breaks the recovery timeout: the trials are as many as declared, and the first comes when six tenths of it are over:
an upstream that needs the whole time to get up is knocked down again.
"""

from __future__ import annotations

from reference_server.parts import Parts

DESCRIPTION = "an open breaker tries again after six tenths of its recovery timeout"

KEPT = 0.6
"""Share of the timeout; jitter at its most, as there is no randomness in a defect."""


def install(parts: Parts) -> None:
    """Every wait is shorter than the policy says."""
    breaker = parts.upstream_breaker
    whole = breaker.recovery_timeout

    def recovery_timeout() -> float:
        return KEPT * whole()

    breaker.recovery_timeout = recovery_timeout  # type: ignore[method-assign]  # a defect replaces a method
