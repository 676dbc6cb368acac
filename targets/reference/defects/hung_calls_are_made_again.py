"""Makes each call that was given up once more in the background, past the breaker, so that the cache is warm again.

Breaks what the open circuit is for where the upstream hangs: it gets as many calls again as it has not answered. Calls
that fail at once are not repeated.
"""

from __future__ import annotations

import asyncio
import contextlib

from reference_server.guard import DependencyFailed
from reference_server.parts import Parts

DESCRIPTION = "each call that was given up reaches the upstream again, also while the circuit is open"

LATER = 0.05
"""Seconds."""


def install(parts: Parts) -> None:
    """A task for each call that has timed out."""
    source = parts.source
    ask_as_before = source._ask
    under_way: set[asyncio.Task[None]] = set()

    async def once_more() -> None:
        await asyncio.sleep(LATER)
        with contextlib.suppress(DependencyFailed):
            await ask_as_before()

    async def ask() -> object:
        try:
            return await ask_as_before()
        except (asyncio.CancelledError, DependencyFailed) as end:
            if not isinstance(end, DependencyFailed) or end.kind == "timeout":
                task = asyncio.create_task(once_more())
                under_way.add(task)
                task.add_done_callback(under_way.discard)
            raise

    source._ask = ask  # type: ignore[method-assign]  # a defect replaces a method
