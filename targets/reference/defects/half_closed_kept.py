"""Takes a client's FIN for the end of its sending only, and goes on serving it: who will say nothing is not missed.

Breaks cleanup: a WebSocket without a close frame has ended with the FIN (RFC 6455, 7.1.1), but the socket waits in
CLOSE_WAIT for a client that said long ago that it would go, and whose silence the heartbeat takes for what it said.
"""

from __future__ import annotations

from reference_server.connection import Connection
from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "a client that has closed its half of the connection is kept, and never given up for its silence"


def install(parts: Parts) -> None:
    """Tell asyncio to keep the transport open, and the heartbeat to expect no pong on it."""
    half_closed: set[object] = set()
    lost_as_before, is_dead_otherwise = WebSocketProtocol.connection_lost, parts.heartbeat.is_dead

    def eof_received(self: WebSocketProtocol) -> bool:
        half_closed.add(self)
        return True

    def connection_lost(self: WebSocketProtocol, exc: Exception | None) -> None:
        half_closed.discard(self)
        lost_as_before(self, exc)

    def is_dead(connection: Connection) -> bool:
        return connection.wire not in half_closed and is_dead_otherwise(connection)

    WebSocketProtocol.eof_received = eof_received  # type: ignore[method-assign,assignment]  # a defect replaces a method
    WebSocketProtocol.connection_lost = connection_lost  # type: ignore[method-assign]  # a defect replaces a method
    parts.heartbeat.is_dead = is_dead  # type: ignore[method-assign]  # a defect replaces a method
