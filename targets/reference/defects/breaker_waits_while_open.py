"""Waits for an open breaker to close, a second at most, before it answers from the cache.

Breaks "while open, callers are answered at once": the upstream is left alone and the answer is the right one, but every
caller waits for it. It was meant to spare callers an old value; it makes the upstream's outage everybody's.
"""

from __future__ import annotations

import asyncio

from reference_server.breaker import State
from reference_server.parts import Parts
from reference_server.source import Answer

DESCRIPTION = "while the breaker is open each caller waits a second for it to close, and then gets the cached value"

LONGEST = 1.0
"""Seconds a caller waits."""
LOOK_AGAIN = 0.02
"""Seconds between looks at the breaker."""


def install(parts: Parts) -> None:
    """Queue in front of the breaker."""
    source, breaker = parts.source, parts.upstream_breaker
    answer = source.get

    async def get() -> Answer:
        for _ in range(round(LONGEST / LOOK_AGAIN)):
            if breaker.state is not State.OPEN:
                break
            await asyncio.sleep(LOOK_AGAIN)
        return await answer()

    source.get = get  # type: ignore[method-assign]  # a defect replaces a method
