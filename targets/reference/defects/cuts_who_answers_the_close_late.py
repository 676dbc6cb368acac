"""Sends its FIN right behind its close frame, and waits for no answer.

Breaks the closing handshake: it is over for whoever answers at once, as every client in a test does. Who is far away,
or busy for a moment, finds TCP gone before it has answered, and calls that an error (RFC 6455, 7.1.1: the server closes
TCP once both close frames are out).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

DESCRIPTION = "TCP ends right behind the server's close frame, whoever has not answered it yet"


def install(parts: Parts) -> None:
    """A close frame, and FIN."""
    send_as_before = WebSocketProtocol.send

    async def send(self: WebSocketProtocol, message: ASGISendEvent) -> None:
        await send_as_before(self, message)
        if message["type"] == "websocket.close":
            self.transport.close()

    WebSocketProtocol.send = send  # type: ignore[method-assign]  # a defect replaces a method
