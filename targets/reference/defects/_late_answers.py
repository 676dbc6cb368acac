"""Calls that go on when their callers were given up on: what several defects make of how they end then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from reference_server.guard import DependencyFailed
from reference_server.parts import Parts

LONGEST = 60.0
"""Seconds that the upstream's pool waits for an answer that nobody waits for any more."""


def when_late(parts: Parts, tell: Callable[[], None], *, failed: bool = False) -> None:
    """Have every call of the upstream go on after its time-out, and `tell` of each that is answered then, or `failed`.

    Its caller gets the cached value in time, and the breaker hears of the time-out, as before.
    """
    source = parts.source
    ask_as_before = source._ask
    parts.upstream._timeout = LONGEST
    under_way: set[asyncio.Task[object]] = set()

    def ended(call: asyncio.Task[object]) -> None:
        under_way.discard(call)
        if not call.cancelled() and isinstance(call.exception(), DependencyFailed if failed else type(None)):
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
