"""Notes the time of day at which the circuit opened, as more than one breaker library does.

Breaks the recovery timeout on the day that the clock is set: put back, an open circuit stays open until the clock is
where it was, hours after its upstream is well again; put forward, it tries at once.
"""

from __future__ import annotations

import time

from reference_server.parts import Parts

DESCRIPTION = "an open breaker tries too early, or not for a day, once the server's wall clock was set"


def install(parts: Parts) -> None:
    """time.time() for a clock that is never set."""
    breaker = parts.upstream_breaker
    breaker._monotonic = time.time
    breaker._entered_at = time.time()
