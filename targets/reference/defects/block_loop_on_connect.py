"""Reads each newcomer's history with a blocking driver, row by row, on the event loop.

Breaks latency: somebody noticed that the whole query held everybody up and put an `await asyncio.sleep(0)` after each
row, which is why one client does no harm. In a burst every turn of the loop has a row to read for each newcomer, and
those who have been inside for long wait for all of them, several times per message.
"""

from __future__ import annotations

import asyncio
import time

from reference_server.connection import Connection
from reference_server.establishment import Establishment
from reference_server.parts import Parts

DESCRIPTION = "each newcomer blocks the event loop many times for some milliseconds, so a burst holds everybody up"

ROWS = 20
ROW = 0.004
"""Seconds the loop is blocked by one row."""


def install(parts: Parts) -> None:
    """Start reading when a client has been established."""
    register_as_before = Establishment.register
    reading: set[asyncio.Task[None]] = set()

    async def read_history(connection: Connection) -> None:
        for _ in range(ROWS):
            if connection.wire.lost.done():
                return
            time.sleep(ROW)  # noqa: ASYNC251  # blocking is the defect
            await asyncio.sleep(0)

    async def register(self: Establishment) -> None:
        await register_as_before(self)
        task = asyncio.create_task(read_history(self.connection))
        reading.add(task)
        task.add_done_callback(reading.discard)

    Establishment.register = register  # type: ignore[method-assign]  # a defect replaces a method
