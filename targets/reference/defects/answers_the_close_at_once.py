"""Answers a client's close frame as soon as it is read, before the messages in front of it have been dealt with.

Breaks closing: a client that asks and leaves in one breath gets its goodbye and no answers. Many libraries do so by
themselves: they answer the close beneath the application, whose next send then finds the connection closed.
"""

from __future__ import annotations

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

DESCRIPTION = "a client's close is answered before what the client had asked in front of it"


def install(parts: Parts) -> None:
    """As uvicorn does."""

    def handle_close(self: WebSocketProtocol, event: Frame) -> None:
        self.on_leaving()
        WebSocketsSansIOProtocol.handle_close(self, event)

    WebSocketProtocol.handle_close = handle_close  # type: ignore[method-assign]  # a defect replaces a method
