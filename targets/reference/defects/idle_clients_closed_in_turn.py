"""Closes idle clients in one loop, each when the one before it is gone.

Breaks the idle timeout: clients that answer the close frame are gone at once. One that is dead takes the whole close
timeout, in which nobody else is closed, and those who died together add up.
"""

from __future__ import annotations

import asyncio

from reference_server import closes
from reference_server.connection import Connection
from reference_server.idle import IdleTimer
from reference_server.parts import Parts

DESCRIPTION = "idle clients are closed one after the other, so everybody waits for one that is dead"


def install(parts: Parts) -> None:
    """The timers stay; what is due waits in one queue."""
    due: asyncio.Queue[Connection] = asyncio.Queue()
    under_way: list[asyncio.Task[None]] = []

    async def close_in_turn() -> None:
        while True:
            connection = await due.get()
            connection.close(closes.IDLE)
            await asyncio.wait({connection.wire.lost})

    def close(self: IdleTimer) -> None:
        due.put_nowait(self._connection)
        if not under_way:
            under_way.append(asyncio.create_task(close_in_turn()))

    IdleTimer.close = close  # type: ignore[method-assign]  # a defect replaces a method
