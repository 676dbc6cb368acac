"""Lets clients in one at a time while it warms up, so as not to be overrun right after a start.

Breaks recovery: `/health` answers at once and a load balancer sends everybody back, but those whom a crash threw out
queue up for seconds and give up. Few clients at a time, as in a test that is made by hand, hardly notice.
"""

from __future__ import annotations

import asyncio
import time

from reference_server.establishment import Establishment
from reference_server.parts import Parts

DESCRIPTION = "after a start the server is healthy at once and lets only five clients a second in"

WARM_UP = 10.0
"""Seconds from the start."""
PACE = 0.2
"""Seconds between two clients: ten of them are in after two seconds, twenty after four."""


def install(parts: Parts) -> None:
    """During the warm-up each client waits for its turn."""
    accept_at_once = Establishment.accept
    next_turn = 0.0

    async def accept(self: Establishment) -> None:
        nonlocal next_turn
        now = time.monotonic()
        if now < parts.started_at + WARM_UP:
            turn = max(now, next_turn)
            next_turn = turn + PACE
            await asyncio.sleep(turn - now)
        await accept_at_once(self)

    Establishment.accept = accept  # type: ignore[method-assign]  # a defect replaces a method
