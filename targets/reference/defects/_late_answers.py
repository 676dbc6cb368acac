"""Calls that go on when their callers were given up on: what several defects make of the answers that come then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from reference_server.parts import Parts

LONGEST = 60.0
"""Seconds that the upstream's pool waits for an answer that nobody waits for any more."""


def when_late(parts: Parts, tell: Callable[[], None]) -> None:
    """Have every call of the upstream go on after its time-out, and `tell` of each that is answered then.

    Its caller gets the cached value in time, and the breaker hears of the time-out, as before.
    """
    source = parts.source
    ask_as_before = source._ask
    parts.upstream._timeout = LONGEST
    under_way: set[asyncio.Task[object]] = set()

    def ended(call: asyncio.Task[object]) -> None:
        under_way.discard(call)
        if not call.cancelled() and call.exception() is None:
            tell()

    async def ask() -> object:
        call = asyncio.create_task(ask_as_before())
        try:
            return await asyncio.shield(call)
        except asyncio.CancelledError:
            under_way.add(call)
            call.add_done_callback(ended)
            raise

    source._ask = ask  # type: ignore[method-assign]  # a defect replaces a method
