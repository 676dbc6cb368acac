"""Takes an error on a connection for the end of a dead peer: whoever resets is counted as given up by the heartbeat.

Breaks the counter of dead peers, which says how the network is: with every browser that is closed in a hurry it rises.
Everything is released as it should be.
"""

from __future__ import annotations

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "a client that resets its connection is counted as a dead peer"


def install(parts: Parts) -> None:
    """Count where the connection is lost to an error that was not our own doing."""
    clean_up = WebSocketProtocol.connection_lost

    def connection_lost(self: WebSocketProtocol, exc: Exception | None) -> None:
        if exc is not None:
            self.counters.dead_found += 1
        clean_up(self, exc)

    WebSocketProtocol.connection_lost = connection_lost  # type: ignore[method-assign]  # a defect replaces a method
