"""Tries to read again at once where a connection that was given up by its client has nothing any more.

Breaks recovery: nothing is kept of the client, no time-out is missed and everybody is served, but each one that goes
without a close frame leaves a loop behind that goes round as fast as it can. It is what `while True: data = await
read()` does that takes an empty read for none yet.
"""

from __future__ import annotations

import asyncio

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "each client that goes without a close frame leaves a loop that keeps a core busy"


def install(parts: Parts) -> None:
    """One loop for each of them."""
    lost_as_before = WebSocketProtocol.connection_lost

    def connection_lost(self: WebSocketProtocol, exc: Exception | None) -> None:
        lost_as_before(self, exc)
        if self.handshake_complete and self.conn.close_rcvd is None:
            loop = asyncio.get_running_loop()

            def read() -> None:
                loop.call_soon(read)

            read()

    WebSocketProtocol.connection_lost = connection_lost  # type: ignore[method-assign]  # a defect replaces a method
