"""Run an action at a fixed period, without drift and without a burst after a stall."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def every(interval: float, action: Callable[[], None]) -> None:
    """Call `action` every `interval` seconds for ever.

    Beats are counted from the start, so the action's own duration does not add up; beats missed while the process was
    stopped are skipped, not made up for.
    """
    loop = asyncio.get_running_loop()
    due = loop.time() + interval
    while True:
        await asyncio.sleep(max(0.0, due - loop.time()))
        action()
        now = loop.time()
        due += interval
        if due < now:
            due = now + interval
