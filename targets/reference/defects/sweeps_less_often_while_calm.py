"""Sweeps less and less often while there is nothing to sweep, as an adaptive collector does.

Breaks cleanup: each sweep that finds nobody is followed by a pause twice as long, up to eight turns. Who dies in busy
times is found in time, and who dies just as the longest pause begins is held for all of it.
"""

from __future__ import annotations

from reference_server.parts import Parts

DESCRIPTION = "after each sweep that found nobody the next one is twice as far away"

LONGEST = 8
"""Turns of the sweep's period."""


def install(parts: Parts) -> None:
    """Leave out turns."""
    counters, run_as_before = parts.counters, parts.sweep.run
    pause = left = 1

    def run() -> None:
        nonlocal pause, left
        left -= 1
        if left > 0:
            return
        found = counters.dead_found
        run_as_before()
        pause = left = 1 if counters.dead_found > found else min(2 * pause, LONGEST)

    parts.sweep.run = run  # type: ignore[method-assign]  # a defect replaces a method
