"""Takes a loop that was late for one that is overloaded, and turns newcomers away until it has been on time for long.

Breaks recovery after a pause: a virtual machine that was moved, or a laptop that was shut, was late by all of that time
with nothing to do. Load is shed by the lag of the event loop in good servers too; what is wrong is that one lag of any
length counts like many.
"""

from __future__ import annotations

import time

from reference_server.parts import Parts

DESCRIPTION = "after the process stood still newcomers are turned away for three seconds"

LATE = 0.8
"""Seconds between two ticks: several times what a busy machine has been seen late."""

COOL_DOWN = 3.0
"""Seconds; longer than `fast` promises to recover within."""


def install(parts: Parts) -> None:
    """Look at each tick how late it is."""
    tick_as_before, enter = parts.clock.tick, parts.admission.try_enter
    ticked, calm_from = time.monotonic(), 0.0

    def tick() -> None:
        nonlocal ticked, calm_from
        now = time.monotonic()
        if now - ticked > LATE:
            calm_from = now + COOL_DOWN
        ticked = now
        tick_as_before()

    def try_enter() -> str | None:
        return "limit" if time.monotonic() < calm_from else enter()

    parts.clock.tick = tick  # type: ignore[method-assign]  # a defect replaces a method
    parts.admission.try_enter = try_enter  # type: ignore[method-assign]  # a defect replaces a method
