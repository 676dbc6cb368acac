"""Says goodbye to one client after the other, and waits for each answer before the next one's turn.

Breaks graceful shutdown: on a fast network a hundred goodbyes take a tenth of a second. With clients that are far away
each takes a round trip, and by the deadline most of them have heard nothing and are dropped.
"""

from __future__ import annotations

import asyncio
import socket

from reference_server import closes
from reference_server.parts import Parts
from reference_server.server import Server

DESCRIPTION = "the shutdown closes one client after the other, so slow links add up"


def install(parts: Parts) -> None:
    """A close handshake each, in turn."""
    shut_down_the_rest = Server.shutdown

    async def shutdown(self: Server, sockets: list[socket.socket] | None = None) -> None:
        parts.drain.begin()
        for connection in parts.registry.all():
            connection.close(closes.SHUTDOWN)
            await asyncio.wait({connection.wire.lost})
        await shut_down_the_rest(self, sockets)

    Server.shutdown = shutdown  # type: ignore[method-assign]  # a defect replaces a method
