"""Treats a connection that ends in an error as already dealt with: logs the error and returns.

Breaks cleanup: after a client's RST the kernel's socket is gone, and the handler's tasks, the entry in the registry
and the place in the limit stay. Nothing outside shows it but the server's own statistics, which count clients that
are not there. An ordinary end, with a close frame or a FIN, is cleaned up as it should be.
"""

from __future__ import annotations

import logging

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "a connection that a client resets stays in the books, with its tasks, until the process ends"

logger = logging.getLogger(__name__)


def install(parts: Parts) -> None:
    """Return early where the connection was lost to an error."""
    clean_up = WebSocketProtocol.connection_lost

    def connection_lost(self: WebSocketProtocol, exc: Exception | None) -> None:
        if exc is not None:
            logger.info("connection lost: %s", exc)
            return
        clean_up(self, exc)

    WebSocketProtocol.connection_lost = connection_lost  # type: ignore[method-assign]  # a defect replaces a method
