"""Refreshes a cached answer in the background, past the breaker, so that the next caller has a newer one.

Breaks "spares the upstream while open": callers get the cached value at once, as promised, and each of them still
costs the struggling upstream a request.
"""

from __future__ import annotations

import asyncio
import contextlib

from reference_server.breaker import State
from reference_server.guard import DependencyFailed
from reference_server.parts import Parts
from reference_server.source import PATH, Answer
from reference_server.upstream import UpstreamBusy, UpstreamRefused

DESCRIPTION = "an open breaker answers from the cache, and the upstream is called in the background all the same"


def install(parts: Parts) -> None:
    """Follow each answer of the open breaker by a call that does not ask it."""
    answer = parts.source.get
    under_way: set[asyncio.Task[None]] = set()

    async def refresh() -> None:
        with contextlib.suppress(DependencyFailed, UpstreamBusy, UpstreamRefused):
            await parts.upstream.get(PATH)

    async def get() -> Answer:
        was_open = parts.upstream_breaker.state is State.OPEN
        given = await answer()
        if was_open and given.source == "cached":
            task = asyncio.create_task(refresh())
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        return given

    parts.source.get = get  # type: ignore[method-assign]  # a defect replaces a method
