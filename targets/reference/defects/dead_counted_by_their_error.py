"""Counts a dead peer where its connection is lost to a time-out, as the kernel would report it.

Breaks the counter of dead peers: the heartbeat is quicker than the kernel and ends the connection itself, so there is
never such an error, and the counter stays at 0 however bad the network is. Everything is released as it should be.
"""

from __future__ import annotations

from reference_server.connection import Connection
from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "peers that the heartbeat has given up are not counted as dead"


def install(parts: Parts) -> None:
    """Count by the error, and not where the decision is made."""
    clean_as_before, clean_up = parts.sweep.clean, WebSocketProtocol.connection_lost

    def clean(connection: Connection) -> None:
        found = parts.counters.dead_found
        clean_as_before(connection)
        parts.counters.dead_found = found

    def connection_lost(self: WebSocketProtocol, exc: Exception | None) -> None:
        self.counters.dead_found += isinstance(exc, TimeoutError)
        clean_up(self, exc)

    parts.sweep.clean = clean  # type: ignore[method-assign]  # a defect replaces a method
    WebSocketProtocol.connection_lost = connection_lost  # type: ignore[method-assign]  # a defect replaces a method
