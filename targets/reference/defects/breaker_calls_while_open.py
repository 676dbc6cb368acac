"""Refreshes the cache in the background while the breaker is open, past it, so that callers get no stale answers.

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
    """While the breaker is open every caller sets off a refresh, which does not ask it."""
    source = parts.source
    answer = source.get
    under_way: set[asyncio.Task[None]] = set()

    async def refresh() -> None:
        with contextlib.suppress(DependencyFailed, UpstreamBusy, UpstreamRefused):
            source._cached = (await parts.upstream.get(PATH), source._monotonic())

    async def get() -> Answer:
        if parts.upstream_breaker.state is State.OPEN:
            task = asyncio.create_task(refresh())
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        return await answer()

    source.get = get  # type: ignore[method-assign]  # a defect replaces a method
