"""Looks whether there is a place for a trial, awaits something, and takes the place then.

Breaks "trials are no stampede": between the two everybody else looks as well, and finds the place free. A caller who is
alone is treated as he should be. Seen in aiobreaker, which lets 20 of 20 concurrent trials through.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from reference_server import source
from reference_server.breaker import Breaker, State
from reference_server.guard import BreakerOpen
from reference_server.guard import call as call_as_before
from reference_server.parts import Parts

DESCRIPTION = "the breaker awaits between looking for a trial's place and taking it"


def install(parts: Parts) -> None:
    """It is looked for by the caller, and not once more when it is taken."""
    breaker = parts.upstream_breaker
    has_place = breaker._has_place

    def taken_for_free() -> bool:
        return breaker._state in (State.CLOSED, State.HALF_OPEN)

    async def call(asked: Breaker, operation: Callable[[], Awaitable[object]], *, timeout: float) -> object:
        free = has_place() or (asked.state is State.OPEN and asked.open_for() <= 0)
        await asyncio.sleep(0)
        if not free:
            asked.tally.rejected += 1
            raise BreakerOpen(asked)
        return await call_as_before(asked, operation, timeout=timeout)

    breaker._has_place = taken_for_free  # type: ignore[method-assign]  # a defect replaces a method
    source.call = call  # type: ignore[attr-defined,assignment]  # a defect replaces a function
