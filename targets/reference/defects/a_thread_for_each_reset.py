"""Writes a line about each reset from a thread of its own, which then waits for the next one.

Breaks leak-free: there never is a next one for that thread. A stack is 8 MB of address space and a few kilobytes of
memory, so that the limit of threads is met long before anybody looks at the memory.
"""

from __future__ import annotations

import threading

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "each connection that is reset leaves a thread behind"


def install(parts: Parts) -> None:
    """A thread that waits for what nobody sends."""
    clean_up = WebSocketProtocol.connection_lost

    def connection_lost(self: WebSocketProtocol, exc: Exception | None) -> None:
        if exc is not None:
            threading.Thread(target=threading.Event().wait, daemon=True).start()
        clean_up(self, exc)

    WebSocketProtocol.connection_lost = connection_lost  # type: ignore[method-assign]  # a defect replaces a method
