"""Pings from a list of its own, which only a good-bye is taken out of, and dies of the first client that has left.

Breaks the heartbeat's period for everybody, for good: a ping to a client that has gone without a close frame raises,
and nobody looks at the task that it ends. With clients that say good-bye, or answer late, nothing shows.
"""

from __future__ import annotations

from reference_server.connection import Connection
from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol
from websockets.frames import Frame

DESCRIPTION = "once a client has gone without a close frame nobody is pinged any more"


def install(parts: Parts) -> None:
    """A list, and no way back once it has raised."""
    heartbeat = parts.heartbeat
    watch_as_before, said_goodbye = heartbeat.watch, WebSocketProtocol.handle_close
    watched: list[Connection] = []
    ended = False

    def watch(connection: Connection) -> None:
        watched.append(connection)
        watch_as_before(connection)

    def handle_close(self: WebSocketProtocol, event: Frame) -> None:
        watched[:] = [each for each in watched if each.wire is not self]
        said_goodbye(self, event)

    def beat() -> None:
        nonlocal ended
        if ended:
            return
        for connection in watched:
            if connection.wire.lost.done():
                ended = True
                raise ConnectionResetError("cannot ping a client that has left")
            heartbeat.look(connection)
            heartbeat.ping(connection)

    heartbeat.watch = watch  # type: ignore[method-assign]  # a defect replaces a method
    heartbeat.beat = beat  # type: ignore[method-assign]  # a defect replaces a method
    WebSocketProtocol.handle_close = handle_close  # type: ignore[method-assign]  # a defect replaces a method
