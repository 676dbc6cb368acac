"""Keeps the compressors of ended connections, so as to use them again, and makes a new one all the same.

Breaks bounded memory: with compression on a connection's windows are most of what it costs, and they outlive it. A
server whose clients compress nothing never shows it.
"""

from __future__ import annotations

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "the compression windows of every ended connection are never given back"


def install(parts: Parts) -> None:
    """Put them aside when the connection is lost."""
    pool: list[object] = []
    lost = WebSocketProtocol.connection_lost

    def connection_lost(self: WebSocketProtocol, exc: Exception | None) -> None:
        pool.extend(self.conn.extensions)
        lost(self, exc)

    WebSocketProtocol.connection_lost = connection_lost  # type: ignore[method-assign]  # a defect replaces a method
