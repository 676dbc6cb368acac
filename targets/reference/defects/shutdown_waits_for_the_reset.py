"""Waits at its end for a task of each client, which ends with the client's goodbye.

Breaks closing: who was reset has said none. Nothing shows of its task until the server is told to end, which then takes
all of the time that it is given. Seen in Engine.IO under eventlet, where a client's goodbye left a reader behind
(targets/incidents/pg2): a stop took the whole graceful time-out with nobody inside.
"""

from __future__ import annotations

import asyncio
import socket

from reference_server.parts import Parts
from reference_server.server import Server
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "a shutdown waits for the tasks of clients that were reset"


def install(parts: Parts) -> None:
    """One task for each reset, which nobody ends."""
    lost_as_before, shut_down_as_before = WebSocketProtocol.connection_lost, Server.shutdown
    left: list[asyncio.Future[None]] = []

    def connection_lost(self: WebSocketProtocol, exc: Exception | None) -> None:
        lost_as_before(self, exc)
        if exc is not None:
            left.append(self.loop.create_future())

    async def shutdown(self: Server, sockets: list[socket.socket] | None = None) -> None:
        await asyncio.gather(*left)
        await shut_down_as_before(self, sockets)

    WebSocketProtocol.connection_lost = connection_lost  # type: ignore[method-assign]  # a defect replaces a method
    Server.shutdown = shutdown  # type: ignore[method-assign]  # a defect replaces a method
