"""Another way to inflate what comes compressed: what several defects put in the place of the agreed one."""

from __future__ import annotations

from reference_server.websocket_protocol import WebSocketProtocol
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.http11 import Request


def inflate_with(extension: type[PerMessageDeflate]) -> None:
    """Replace what has been agreed on, after the handshake."""
    connect = WebSocketProtocol.handle_connect

    def handle_connect(self: WebSocketProtocol, event: Request) -> None:
        connect(self, event)
        for agreed in self.conn.extensions:
            agreed.__class__ = extension

    WebSocketProtocol.handle_connect = handle_connect  # type: ignore[method-assign]  # a defect replaces a method
