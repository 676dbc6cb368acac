"""Leaves out a beat that comes too soon after the last one, by the time of day, so that a stall makes no burst.

Breaks the heartbeat on the day that the clock is set back: every beat comes too soon until it is where it was, and
nobody is pinged. libwebsockets did so while its scheduler went by the time of day (its issue 826).
"""

from __future__ import annotations

import time

from reference_server.parts import Parts

DESCRIPTION = "nobody is pinged any more once the server's wall clock was set back"


def install(parts: Parts) -> None:
    """time.time() for a clock that is never set."""
    heartbeat = parts.heartbeat
    beat_as_before = heartbeat.beat
    too_soon = parts.settings.websocket_heartbeat_interval / 2
    last = float("-inf")

    def beat() -> None:
        nonlocal last
        if time.time() - last >= too_soon:
            last = time.time()
            beat_as_before()

    heartbeat.beat = beat  # type: ignore[method-assign]  # a defect replaces a method
