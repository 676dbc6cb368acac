"""Routes an upgrade by its path, and gives a path that it does not know to the first endpoint there is.

Breaks survival: who has mistyped an address, or has that of an endpoint that is gone, is let in, and told by nobody.
"""

from __future__ import annotations

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol
from websockets.http11 import Request

DESCRIPTION = "an upgrade on a path that does not exist is served as /echo"

KNOWN = ("/echo", "/live", "/feed", "/data", "/resumable", "/session")


def install(parts: Parts) -> None:
    """A default where there should be an error."""
    connect = WebSocketProtocol.handle_connect

    def handle_connect(self: WebSocketProtocol, event: Request) -> None:
        if event.path.partition("?")[0] not in KNOWN:
            event.path = "/echo"
        connect(self, event)

    WebSocketProtocol.handle_connect = handle_connect  # type: ignore[method-assign]  # a defect replaces a method
