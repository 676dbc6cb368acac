"""Looks after idle clients in one loop that keeps a list of its own, and dies of the first client that has left.

Breaks the idle timeout: with clients that stay until they are closed it works. Sending a warning, or a close frame, to
one that is gone raises, nobody catches it, and from then on nobody is ever warned or closed.
"""

from __future__ import annotations

import asyncio

from reference_server import closes
from reference_server.clock import AttentiveClock
from reference_server.connection import Connection
from reference_server.idle import IdleTimer
from reference_server.parts import Parts

DESCRIPTION = "once a client has been reset before its idle time was up, idle clients are never closed again"

LOOK_AGAIN = 0.05
"""Seconds between two rounds of the loop."""


def install(parts: Parts) -> None:
    """One loop in place of a timer each."""
    watched: dict[Connection, bool] = {}
    under_way: list[asyncio.Task[None]] = []
    timeout, warning = parts.settings.websocket_idle_timeout_seconds, parts.settings.websocket_idle_warning_seconds

    async def look_after_them() -> None:
        while True:
            await asyncio.sleep(LOOK_AGAIN)
            for connection, warned in list(watched.items()):
                idle_for = connection.idle_for()
                if idle_for < timeout - warning:
                    watched[connection] = False
                    continue
                if connection.wire.lost.done():
                    raise ConnectionResetError("cannot send to a client that has left")
                if idle_for >= timeout:
                    connection.close(closes.IDLE)
                    del watched[connection]
                elif not warned:
                    watched[connection] = True
                    connection.warn({"type": "idle_warning", "closes_in": warning})

    def start(
        self: IdleTimer, connection: Connection, *, clock: AttentiveClock, timeout: float, warning: float
    ) -> None:
        watched[connection] = False
        if not under_way:
            under_way.append(asyncio.create_task(look_after_them()))

    def cancel(self: IdleTimer) -> None:
        """The list is not told."""

    IdleTimer.__init__ = start  # type: ignore[method-assign]  # a defect replaces a method
    IdleTimer.cancel = cancel  # type: ignore[method-assign]  # a defect replaces a method
