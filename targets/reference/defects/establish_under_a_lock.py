"""Asks a session store about each newcomer, under one lock for all of them.

Breaks establishment for those who come together: they get in one after the other, a fifth of a second apart. A test
that opens its connections in turn sees nothing.
"""

from __future__ import annotations

import asyncio

from reference_server.establishment import Establishment
from reference_server.parts import Parts

DESCRIPTION = "clients that come together are let in one after the other, 0.2 s apart"

LOOK_UP = 0.2
"""Seconds the lock is held."""


def install(parts: Parts) -> None:
    """One newcomer at a time."""
    lock = asyncio.Lock()
    accept_at_once = Establishment.accept

    async def accept(self: Establishment) -> None:
        async with lock:
            await asyncio.sleep(LOOK_UP)
        await accept_at_once(self)

    Establishment.accept = accept  # type: ignore[method-assign]  # a defect replaces a method
