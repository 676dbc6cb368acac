"""Lets those who come while it warms up in by a token bucket, so as not to be overrun right after a start.

Breaks recovery: `/health` answers at once and a load balancer sends everybody back, but those whom a crash threw out
queue up for seconds and give up. A handful of clients, as in a test that is made by hand, notices nothing.
"""

from __future__ import annotations

import asyncio
import time

from reference_server.establishment import Establishment
from reference_server.parts import Parts

DESCRIPTION = "after a start the server is healthy at once and lets one client a second in beside the first twelve"

WARM_UP = 2.0
"""Seconds from the start. Who came in them waits for his turn, however long that is."""
AT_ONCE = 12
"""Clients that wait for nothing: the bucket is full after a start."""
PACE = 1.0
"""Seconds between two of those who follow: the last of twenty is in after eight."""


def install(parts: Parts) -> None:
    """During the warm-up each client takes a token, or waits for one."""
    accept_at_once = Establishment.accept
    empty_until = parts.started_at - AT_ONCE * PACE

    async def accept(self: Establishment) -> None:
        nonlocal empty_until
        now = time.monotonic()
        if now < parts.started_at + WARM_UP:
            empty_until = max(empty_until, now - AT_ONCE * PACE) + PACE
            await asyncio.sleep(empty_until - now)
        await accept_at_once(self)

    Establishment.accept = accept  # type: ignore[method-assign]  # a defect replaces a method
