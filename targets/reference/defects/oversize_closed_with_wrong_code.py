"""Closes a connection whose message is too big with the code for a broken protocol.

Breaks survival: the message is refused, but a client that reads 1002 looks for a defect in its own library, and one
that would send less after 1009 connects again and sends the same.
"""

from __future__ import annotations

from typing import Any

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol
from websockets.frames import CloseCode

DESCRIPTION = "a message that is too big is answered with close 1002 instead of 1009"


def install(parts: Parts) -> None:
    """Give one code for the other, on each connection."""
    make = WebSocketProtocol.__init__

    def __init__(self: WebSocketProtocol, *args: Any, **kwargs: Any) -> None:  # noqa: N807  # replaces it
        make(self, *args, **kwargs)
        right = self.conn.fail

        def fail(code: int, reason: str = "") -> None:
            right(CloseCode.PROTOCOL_ERROR if code == CloseCode.MESSAGE_TOO_BIG else code, reason)

        self.conn.fail = fail  # type: ignore[method-assign]  # a defect replaces a method

    WebSocketProtocol.__init__ = __init__  # type: ignore[method-assign]  # a defect replaces a method
