"""Takes a client's FIN for the end of its sending only, and goes on serving it.

Breaks cleanup: a WebSocket without a close frame has ended with the FIN (RFC 6455, 7.1.1), but the socket waits in
CLOSE_WAIT until the heartbeat finds a client dead that said long ago that it would go.
"""

from __future__ import annotations

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "a client that has closed its half of the connection is kept until the heartbeat gives it up"


def install(parts: Parts) -> None:
    """Tell asyncio to keep the transport open."""
    WebSocketProtocol.eof_received = lambda self: True  # type: ignore[method-assign,assignment]  # a defect replaces a method
