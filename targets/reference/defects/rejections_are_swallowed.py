"""Catches what an open breaker raises, and goes on as if there were nothing to say.

Breaks the open circuit for its callers: the upstream is spared, and whoever asked waits for his own patience.
"""

from __future__ import annotations

import asyncio

from reference_server.breaker import State
from reference_server.parts import Parts
from reference_server.source import Answer

DESCRIPTION = "whoever asks while the circuit is open is answered by nobody"


def install(parts: Parts) -> None:
    """No answer, and no error either."""
    source, breaker = parts.source, parts.upstream_breaker
    get = source.get

    async def say_nothing() -> Answer:
        if breaker.state is State.OPEN and breaker.open_for() > 0:
            await asyncio.Event().wait()
        return await get()

    source.get = say_nothing  # type: ignore[method-assign]  # a defect replaces a method
