"""Takes an error of a connection for one of its own, and ends the process so that it is started anew.

Breaks survival: whoever resets a connection ends everybody's. A supervisor hides it, for the server is back in a
moment; what shows are clients that lose their connection for no reason, all at once.
"""

from __future__ import annotations

import logging
import os

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "the first connection that a client resets ends the whole process"

logger = logging.getLogger(__name__)


def install(parts: Parts) -> None:
    """No handler for it, so it is fatal."""
    clean_up = WebSocketProtocol.connection_lost

    def connection_lost(self: WebSocketProtocol, exc: Exception | None) -> None:
        if exc is not None:
            logger.critical("unexpected error, going down: %s", exc)
            os._exit(1)
        clean_up(self, exc)

    WebSocketProtocol.connection_lost = connection_lost  # type: ignore[method-assign]  # a defect replaces a method
