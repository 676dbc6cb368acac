"""Speaks its version of the protocol with every client, whatever version that has asked for.

Breaks survival: RFC 6455, 4.2.2, wants a client of another version refused and told which one would do. It is let in
instead, and the two find out by their first frames that they do not mean the same.
"""

from __future__ import annotations

from reference_server.parts import Parts
from reference_server.websocket_protocol import VERSION, WebSocketProtocol
from websockets.http11 import Request

DESCRIPTION = "a client that asks for a version nobody speaks is let in"


def install(parts: Parts) -> None:
    """Read the one version there is, where there is any."""
    connect = WebSocketProtocol.handle_connect

    def handle_connect(self: WebSocketProtocol, event: Request) -> None:
        if "Sec-WebSocket-Version" in event.headers:
            del event.headers["Sec-WebSocket-Version"]
            event.headers["Sec-WebSocket-Version"] = VERSION
        connect(self, event)

    WebSocketProtocol.handle_connect = handle_connect  # type: ignore[method-assign]  # a defect replaces a method
