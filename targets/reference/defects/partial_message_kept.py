"""Waits for the rest of a message also when its connection is lost.

Breaks cleanup: the kernel's socket is gone, and the handler's tasks, the entry in the registry and the place in the
limit stay with what was begun, until the heartbeat gives the client up. An end that is not between two fragments is
cleaned up as it should be.
"""

from __future__ import annotations

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "a client that ends between two fragments stays in the books until the heartbeat gives it up"


def install(parts: Parts) -> None:
    """Return early where a message is unfinished."""
    clean_up = WebSocketProtocol.connection_lost

    def connection_lost(self: WebSocketProtocol, exc: Exception | None) -> None:
        if not (self.frames or self.fragments):
            clean_up(self, exc)

    WebSocketProtocol.connection_lost = connection_lost  # type: ignore[method-assign]  # a defect replaces a method
