"""Refuses a client that offers an extension it does not know, instead of leaving that out of its answer.

Breaks survival's counterpart: RFC 6455, 9.1, has a client offer what it likes and a server accept what it likes. What
today's clients offer is known, so nothing shows until a browser offers the next one.
"""

from __future__ import annotations

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol
from websockets.headers import parse_extension
from websockets.http11 import Request

DESCRIPTION = "a client that offers an extension nobody knows is refused with 400"

KNOWN = "permessage-deflate"


def install(parts: Parts) -> None:
    """Look at all that is offered before anything is agreed on."""
    connect = WebSocketProtocol.handle_connect

    def handle_connect(self: WebSocketProtocol, event: Request) -> None:
        offers = event.headers.get_all("Sec-WebSocket-Extensions")
        if all(name == KNOWN for offer in offers for name, _ in parse_extension(offer)):
            connect(self, event)
            return
        self.handshake_initiated = True
        self.refuse_upgrade(400, "Bad Request")

    WebSocketProtocol.handle_connect = handle_connect  # type: ignore[method-assign]  # a defect replaces a method
