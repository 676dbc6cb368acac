"""Knows the close codes of RFC 6455, 7.4.1, and takes every other one for a broken frame.

Breaks survival's counterpart: 3000 to 4999 belong to libraries and applications (7.4.2), and whoever closes with one is
told that it has broken the protocol. Forbidden codes are refused, as they should be.
"""

from __future__ import annotations

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol
from websockets.frames import CloseCode, Frame

DESCRIPTION = "a client that closes with a code of its own is answered with 1002"

PRIVATE = 3000
"""The first code that is a library's."""


def install(parts: Parts) -> None:
    """Look the code up before the frame is answered."""
    answer = WebSocketProtocol.handle_close

    def handle_close(self: WebSocketProtocol, event: Frame) -> None:
        code = int.from_bytes(event.data[:2], "big")
        if code >= PRIVATE and not self.close_sent:
            self.conn.data_to_send()  # the protocol has answered already; that answer is thrown away
            refusal = Frame(event.opcode, CloseCode.PROTOCOL_ERROR.to_bytes(2, "big"))
            self.transport.write(refusal.serialize(mask=False))
        answer(self, event)

    WebSocketProtocol.handle_close = handle_close  # type: ignore[method-assign]  # a defect replaces a method
