"""Takes a frame without a mask as if its mask were all zeros.

Breaks survival: RFC 6455, 5.1, wants such a connection closed, for whoever sends them is no browser, and a proxy on the
way may be made to take what is in them for HTTP.
"""

from __future__ import annotations

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "a client's frames are taken without a mask too"

SHORT = 126
"""A length below it stands in the second byte itself."""


def install(parts: Parts) -> None:
    """Give a short frame that begins what arrives the mask it lacks."""
    receive = WebSocketProtocol.data_received

    def data_received(self: WebSocketProtocol, data: bytes) -> None:
        begins = self.handshake_complete and not self.conn.reader.buffer and len(data) >= 2
        if begins and data[1] < SHORT:  # the mask bit is the highest one
            data = data[:1] + bytes([data[1] | 0x80]) + bytes(4) + data[2:]
        receive(self, data)

    WebSocketProtocol.data_received = data_received  # type: ignore[method-assign]  # a defect replaces a method
