"""Resets a connection as soon as its close frame is written, so as to be rid of it.

Breaks closing: what the kernel has not delivered by then is thrown away with the socket, the close frame included. Who
has read everything hears its goodbye all the same; who is a little behind loses the last of what it was sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

DESCRIPTION = "a connection is reset right behind its close frame, with all that is still on its way"


def install(parts: Parts) -> None:
    """A close frame, and RST."""
    send_as_before = WebSocketProtocol.send

    async def send(self: WebSocketProtocol, message: ASGISendEvent) -> None:
        await send_as_before(self, message)
        if message["type"] == "websocket.close":
            self.transport.cut()

    WebSocketProtocol.send = send  # type: ignore[method-assign]  # a defect replaces a method
