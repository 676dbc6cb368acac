"""Asks a silent upstream three times before it gives up, with the whole timeout for each try.

Breaks the call timeout: it was a setting of one call when the retry was written around it. The caller waits three times
as long as it was promised, and an upstream that cannot keep up gets three times the work.
"""

from __future__ import annotations

import asyncio

from reference_server.guard import DependencyFailed
from reference_server.parts import Parts

DESCRIPTION = "a call that times out is tried twice more, so the caller waits three times as long"

TRIES = 3


def install(parts: Parts) -> None:
    """A retry inside the call that the breaker sees as one."""
    source = parts.source
    ask_once, patience = source._ask, source._timeout

    async def ask() -> object:
        for _ in range(TRIES - 1):
            try:
                async with asyncio.timeout(patience):
                    return await ask_once()
            except TimeoutError:
                continue
            except DependencyFailed as failure:
                if failure.kind != "timeout":
                    raise
        return await ask_once()

    source._ask = ask  # type: ignore[method-assign]  # a defect replaces a method
    source._timeout = TRIES * patience
