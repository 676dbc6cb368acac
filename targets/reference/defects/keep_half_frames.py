"""Waits for the rest of a frame from a client that has gone: who left in the middle of one is never cleaned up.

Breaks cleanup: the kernel's socket is gone, and the handler's tasks, the entry in the registry and the place in the
limit stay. Whoever ends between two frames, by close frame, FIN or RST, is cleaned up as it should be.
"""

from __future__ import annotations

import logging

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "a connection that ends in the middle of a frame stays in the books until the process ends"

logger = logging.getLogger(__name__)


def install(parts: Parts) -> None:
    """Return early where a frame was begun."""
    clean_up = WebSocketProtocol.connection_lost

    def connection_lost(self: WebSocketProtocol, exc: Exception | None) -> None:
        if self.conn.reader.buffer:
            logger.info("waiting for the rest of a frame")
            return
        clean_up(self, exc)

    WebSocketProtocol.connection_lost = connection_lost  # type: ignore[method-assign]  # a defect replaces a method
