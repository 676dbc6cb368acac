"""Ends its background jobs first, and then waits until the last client has answered the close frame.

Breaks graceful shutdown: the heartbeat that would find a dead peer and the clock behind every deadline are among
those jobs, so one peer that does not answer holds the process until somebody kills it. With clients that answer the
shutdown is flawless: the order of two steps makes the difference.
"""

from __future__ import annotations

import asyncio
import socket

from reference_server import closes
from reference_server.parts import Parts
from reference_server.server import Server
from reference_server.transport import BoundedTransport

DESCRIPTION = "the shutdown waits without a deadline for every client to answer"


def install(parts: Parts) -> None:
    """Wait for everyone, with nobody left to end the wait."""
    shut_down_the_rest = Server.shutdown

    def bound_nothing(self: BoundedTransport) -> None:
        """Few servers set TCP_USER_TIMEOUT; with it the kernel would end the wait."""

    async def shutdown(self: Server, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.shutdown()
        parts.drain.begin()
        inside = parts.registry.all()
        for connection in inside:
            connection.close(closes.SHUTDOWN)
        await asyncio.gather(*(connection.wire.lost for connection in inside))
        await shut_down_the_rest(self, sockets)

    BoundedTransport._bound_the_kernel = bound_nothing  # type: ignore[method-assign]  # a defect replaces a method
    Server.shutdown = shutdown  # type: ignore[method-assign]  # a defect replaces a method
