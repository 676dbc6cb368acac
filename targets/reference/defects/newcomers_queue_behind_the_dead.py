"""Writes each dead peer off under the lock that newcomers need, a sixth of a second at a time.

Breaks recovery: one dead peer costs a newcomer a moment. When a whole cell of a network has died and is found dead in
one sweep, those who come back wait for all that is written about them.
"""

from __future__ import annotations

import asyncio

from reference_server.connection import Connection
from reference_server.establishment import Establishment
from reference_server.parts import Parts

DESCRIPTION = "newcomers wait until every peer that was found dead has been written off"

WRITE_OFF = 1 / 6
"""Seconds the lock is held: twenty of them are more than `fast` promises to recover within."""


def install(parts: Parts) -> None:
    """One lock for the store of sessions."""
    clean_as_before, accept_as_before = parts.sweep.clean, Establishment.accept
    store = asyncio.Lock()
    under_way: set[asyncio.Task[None]] = set()

    async def write_off() -> None:
        async with store:
            await asyncio.sleep(WRITE_OFF)

    def clean(connection: Connection) -> None:
        found = parts.counters.dead_found
        clean_as_before(connection)
        if parts.counters.dead_found > found:
            task = asyncio.create_task(write_off())
            under_way.add(task)
            task.add_done_callback(under_way.discard)

    async def accept(self: Establishment) -> None:
        async with store:
            """Nobody else has it now."""
        await accept_as_before(self)

    parts.sweep.clean = clean  # type: ignore[method-assign]  # a defect replaces a method
    Establishment.accept = accept  # type: ignore[method-assign]  # a defect replaces a method
