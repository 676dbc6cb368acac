"""Lets no more than eight newcomers be on their way in at a time, and each is until its first word has come.

Breaks rejection where a burst meets a slow link: the wait for a first word is a round trip, of which nobody notices
anything on a fast network, nor with a few clients on a slow one. All others wait for theirs in line, and for a refusal
as well.
"""

from __future__ import annotations

import asyncio

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "eight newcomers at a time are let in, each for as long as its first message takes to come"

ON_THEIR_WAY = 8


def install(parts: Parts) -> None:
    """Between the request and all that is done about it."""
    serve_as_before, hear_as_before = WebSocketProtocol.run_asgi, WebSocketProtocol.data_received
    lost_as_before = WebSocketProtocol.connection_lost
    room = asyncio.Semaphore(ON_THEIR_WAY)
    on_their_way: set[WebSocketProtocol] = set()

    def arrived(protocol: WebSocketProtocol) -> None:
        if protocol in on_their_way:
            on_their_way.remove(protocol)
            room.release()

    async def run_asgi(self: WebSocketProtocol) -> None:
        await room.acquire()
        on_their_way.add(self)
        if self.lost.done():
            arrived(self)
        await serve_as_before(self)

    def data_received(self: WebSocketProtocol, data: bytes) -> None:
        if self.handshake_complete:
            arrived(self)
        hear_as_before(self, data)

    def connection_lost(self: WebSocketProtocol, exc: Exception | None) -> None:
        arrived(self)
        lost_as_before(self, exc)

    WebSocketProtocol.run_asgi = run_asgi  # type: ignore[method-assign,assignment]  # a defect replaces a method
    WebSocketProtocol.data_received = data_received  # type: ignore[method-assign]  # a defect replaces a method
    WebSocketProtocol.connection_lost = connection_lost  # type: ignore[method-assign]  # a defect replaces a method
