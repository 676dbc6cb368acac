"""Looks for the rest of a frame a third of a second later, where a read has brought only its beginning.

Breaks latency on a path that cuts frames to pieces; on loopback each frame comes in one read, and nothing shows. The
frame is taken as it should be in the end, so nobody is cut and nothing is lost.
"""

from __future__ import annotations

import asyncio

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "a message that arrives in more than one read is answered a third of a second late"

LOOK_AGAIN = 1 / 3
"""Seconds: more than `fast` promises for a round trip."""


def install(parts: Parts) -> None:
    """Read on later."""
    parse = WebSocketProtocol.data_received

    def data_received(self: WebSocketProtocol, data: bytes) -> None:
        parse(self, data)
        if self.handshake_complete and self.conn.reader.buffer:
            self.transport.pause_reading()
            asyncio.get_running_loop().call_later(LOOK_AGAIN, self.transport.resume_reading)

    WebSocketProtocol.data_received = data_received  # type: ignore[method-assign]  # a defect replaces a method
