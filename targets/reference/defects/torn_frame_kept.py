"""Waits for the rest of a frame also when its connection is lost.

Breaks cleanup: the kernel's socket is gone, and the handler's tasks, the entry in the registry and the place in the
limit stay with what was begun. An end that is not in the middle of a frame is cleaned up as it should be.
"""

from __future__ import annotations

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "a client that crashes in the middle of a frame stays in the books until the process ends"


def install(parts: Parts) -> None:
    """Return early where a frame is unfinished."""
    clean_up = WebSocketProtocol.connection_lost

    def connection_lost(self: WebSocketProtocol, exc: Exception | None) -> None:
        if not (self.conn.reader.buffer):
            clean_up(self, exc)

    WebSocketProtocol.connection_lost = connection_lost  # type: ignore[method-assign]  # a defect replaces a method
