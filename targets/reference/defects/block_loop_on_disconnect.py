"""Writes the end of each session with a blocking driver, on the event loop, when its connection is lost.

Breaks latency: one client that leaves holds everybody up for a moment that nobody notices. When forty leave at once
those who stay wait for all of them. It does not matter how they left.
"""

from __future__ import annotations

import time

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "each client that leaves blocks the event loop for a moment, so many at once hold everybody up"

WRITE = 0.05
"""Seconds the loop is blocked."""


def install(parts: Parts) -> None:
    """Write before anything is cleaned up."""
    clean_up = WebSocketProtocol.connection_lost

    def connection_lost(self: WebSocketProtocol, exc: Exception | None) -> None:
        time.sleep(WRITE)
        clean_up(self, exc)

    WebSocketProtocol.connection_lost = connection_lost  # type: ignore[method-assign]  # a defect replaces a method
