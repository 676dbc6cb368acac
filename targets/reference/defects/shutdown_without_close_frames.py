"""On SIGTERM closes all sockets and goes, in good time and with exit code 0.

Breaks graceful shutdown: clients see their connection break instead of the close frame that says why, and come back
all at once to a server that is going down, as they would after a crash.
"""

from __future__ import annotations

import socket

from reference_server.parts import Parts
from reference_server.server import Server

DESCRIPTION = "at shutdown the connections are dropped without a close frame"


def install(parts: Parts) -> None:
    """Shut the sockets down, not the conversations."""

    async def shutdown(self: Server, sockets: list[socket.socket] | None = None) -> None:
        for listener in sockets or []:
            listener.close()
        for protocol in list(self.server_state.connections):
            protocol.transport.abort()
        await self.lifespan.shutdown()

    Server.shutdown = shutdown  # type: ignore[method-assign]  # a defect replaces a method
