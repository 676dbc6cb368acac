"""Broadcasts to a list of its own, which only a good-bye is taken out of, and dies of the first listener that has left.

Breaks delivery for everybody, for good: sending to a listener that has gone without a close frame raises, and nobody
looks at the task that it ends. Those who are slow, silent or out of reach are still there, and nothing shows.
"""

from __future__ import annotations

from reference_server.connection import Connection
from reference_server.establishment import Establishment
from reference_server.feed import ENDPOINT
from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol
from websockets.frames import Frame

DESCRIPTION = "once a listener has gone without a close frame nobody gets a broadcast any more"


def install(parts: Parts) -> None:
    """A list, and no way back once it has raised."""
    broadcast_as_before, said_goodbye = parts.feed.broadcast, WebSocketProtocol.handle_close
    register_as_before = Establishment.register
    listeners: list[Connection] = []
    ended = False

    async def register(self: Establishment) -> None:
        await register_as_before(self)
        if self.connection.endpoint == ENDPOINT:
            listeners.append(self.connection)

    def handle_close(self: WebSocketProtocol, event: Frame) -> None:
        listeners[:] = [each for each in listeners if each.wire is not self]
        said_goodbye(self, event)

    def broadcast() -> None:
        nonlocal ended
        if ended:
            return
        if any(listener.wire.lost.done() for listener in listeners):
            ended = True
            raise ConnectionResetError("cannot send to a listener that has left")
        broadcast_as_before()

    Establishment.register = register  # type: ignore[method-assign]  # a defect replaces a method
    WebSocketProtocol.handle_close = handle_close  # type: ignore[method-assign]  # a defect replaces a method
    parts.feed.broadcast = broadcast  # type: ignore[method-assign]  # a defect replaces a method
