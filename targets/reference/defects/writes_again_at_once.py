"""Polls for room where a client takes nothing any more, until there is room again.

Breaks recovery: others are served, and a core is busy for good. asyncio says that there is room to who reads again, and
to nobody whose connection has ended: `while paused: await asyncio.sleep(0)` goes on behind it.
"""

from __future__ import annotations

import asyncio

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "a client that has stopped reading keeps a core busy, also when it is gone"


def install(parts: Parts) -> None:
    """Look for room on every turn of the loop."""
    pause_as_before, resume_as_before = WebSocketProtocol.pause_writing, WebSocketProtocol.resume_writing
    paused: set[WebSocketProtocol] = set()

    def pause_writing(self: WebSocketProtocol) -> None:
        pause_as_before(self)
        paused.add(self)
        loop = asyncio.get_running_loop()

        def look() -> None:
            if self in paused:
                loop.call_soon(look)

        look()

    def resume_writing(self: WebSocketProtocol) -> None:
        paused.discard(self)
        resume_as_before(self)

    WebSocketProtocol.pause_writing = pause_writing  # type: ignore[method-assign,assignment]  # a defect replaces a method
    WebSocketProtocol.resume_writing = resume_writing  # type: ignore[method-assign]  # a defect replaces a method
