"""uvicorn's HTTP protocol, and what it leaves undone of a request that asks for a WebSocket.

uvicorn 0.54 upgrades HTTP/1.0, which knows no upgrade, drops what a client has sent behind its request, and takes the
last of several Connection lines for all. They were seen by the suite's handshakes, as was that it never answers 2,000
headers: that one is mended in `wire.py`.
"""

from __future__ import annotations

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class Door(H11Protocol):
    """Until the 101, or an answer."""

    def _get_upgrade(self) -> bytes | None:
        """Several lines are one list (RFC 9110, 5.3)."""
        lines = b",".join(value for name, value in self.headers if name == b"connection")
        if b"upgrade" not in (option.strip().lower() for option in lines.split(b",")):
            return None
        return next((value.lower() for name, value in reversed(self.headers) if name == b"upgrade"), None)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        if event.http_version < b"1.1":
            self.send_400_response("HTTP/1.0 knows no upgrade\n")
            return
        behind, _ = self.conn.trailing_data
        super().handle_websocket_upgrade(event)
        if behind:
            self.transport.get_protocol().data_received(behind)  # type: ignore[attr-defined]  # it is the Wire
