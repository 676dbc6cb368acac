"""Keeps a page for each ping of a client, for a graph of how regular it is, until the client has gone.

Breaks survival by its memory alone: every ping is answered in time, and nobody else notices. A client that pings every
half minute costs nothing, and thousands of pings are a few bytes each on the wire.
"""

from __future__ import annotations

from collections import defaultdict

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "each ping of a client takes a page of memory for as long as the client is there"

PAGE = 16 * 1024
"""Bytes: 160 MB for ten thousand pings, which the rate lets through at once."""


def install(parts: Parts) -> None:
    """One page a ping, given back where the connection is lost."""
    pages: defaultdict[WebSocketProtocol, list[bytes]] = defaultdict(list)
    answer, lost = WebSocketProtocol.handle_ping, WebSocketProtocol.connection_lost

    def handle_ping(self: WebSocketProtocol) -> None:
        pages[self].append(b"\xff" * PAGE)  # written to, or the kernel would give it no memory
        answer(self)

    def connection_lost(self: WebSocketProtocol, exc: Exception | None) -> None:
        pages.pop(self, None)
        lost(self, exc)

    WebSocketProtocol.handle_ping = handle_ping  # type: ignore[method-assign]  # a defect replaces a method
    WebSocketProtocol.connection_lost = connection_lost  # type: ignore[method-assign]  # a defect replaces a method
