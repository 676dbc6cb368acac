"""Lets a call go on after its time-out, to warm the cache, and counts its late answer as the success that it is not.

Breaks the breaker's threshold where the upstream is too slow: every caller waits for the whole time-out and gets an old
value, while the answers that come a moment later clear the count. Where it hangs, or fails, the circuit opens.
"""

from __future__ import annotations

from reference_server.breaker import State
from reference_server.parts import Parts

from defects._late_answers import when_late

DESCRIPTION = "an answer after the time-out clears the count of failures, so a slow upstream never opens the breaker"


def install(parts: Parts) -> None:
    """A success is a success, whenever it comes."""
    breaker = parts.upstream_breaker

    def clear() -> None:
        if breaker.state is State.CLOSED:
            breaker.consecutive_failures = 0

    when_late(parts, clear)
