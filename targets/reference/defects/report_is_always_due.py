"""Draws up a report twice a second, in one go on its loop, however much or little CPU it has for it.

Breaks pressure: it takes 100 ms of a core, a fifth of one, which is a hitch that nobody complains of. Of a tenth of a
core it takes all there is and more, and whoever asks for something waits for a second.
"""

from __future__ import annotations

import time

from reference_server.parts import Parts

DESCRIPTION = "while it is short of CPU its report comes first, and answers come late"

EVERY = 0.5
WORK = 0.1
"""Seconds, and seconds of CPU."""


def install(parts: Parts) -> None:
    """With the tick of the clock, as often as it is due."""
    tick_as_before = parts.clock.tick
    due = 0.0

    def tick() -> None:
        nonlocal due
        now = time.monotonic()
        if now >= due:
            due = now + EVERY
            _report()
        tick_as_before()

    parts.clock.tick = tick  # type: ignore[method-assign]  # a defect replaces a method


def _report() -> None:
    """As much work each time, by the CPU it takes and not by the time that passes."""
    until = time.thread_time() + WORK
    while time.thread_time() < until:
        sorted(range(1000), key=str)
