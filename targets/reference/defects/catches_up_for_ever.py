"""Makes up for the ticks that it has missed, and forgets to count those that it has made up for.

Breaks recovery after a pause: who comes is served, and a core is busy for good. A timer that sets its next time from
the last one, as a schedule does, is in the past after a pause; one that does not get on from there stays there.
"""

from __future__ import annotations

import asyncio
import time

from reference_server.parts import Parts

DESCRIPTION = "a pause of 0.8 s or more leaves a timer that is always due"

PAUSE = 0.8
"""Seconds from one tick to the next: a busy machine is late by a tenth of that."""


def install(parts: Parts) -> None:
    """Look for what was missed with every tick."""
    clock = parts.clock
    tick_as_before = clock.tick
    last = time.monotonic()

    def catch_up() -> None:
        tick_as_before()
        asyncio.get_running_loop().call_soon(catch_up)

    def tick() -> None:
        nonlocal last
        now = time.monotonic()
        missed, last = now - last >= PAUSE, now
        tick_as_before()
        if missed:
            catch_up()

    clock.tick = tick  # type: ignore[method-assign]  # a defect replaces a method
