"""Takes what one read brings for whole frames: a client whose frame arrives in two pieces is cut as a broken one.

Breaks the promise that a slow peer stays. On loopback and in every test without a network each small frame comes in
one read; TCP promises no such thing, and behind a narrow or a strange path none does.
"""

from __future__ import annotations

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "a client is cut when a frame of its arrives in more than one read"


def install(parts: Parts) -> None:
    """Cut where a read ends in the middle of a frame."""
    parse = WebSocketProtocol.data_received

    def data_received(self: WebSocketProtocol, data: bytes) -> None:
        parse(self, data)
        if self.handshake_complete and self.conn.reader.buffer:
            self.cut()

    WebSocketProtocol.data_received = data_received  # type: ignore[method-assign]  # a defect replaces a method
