"""uvicorn's WebSocket protocol, within reach of the resource manager.

uvicorn pings, and gives up whoever owes a pong for too long: it says so with 1011 and closes. What a client does not
take any more then stays in the transport's buffer, and with it the socket, for ever: so somebody has to look again. An
application has no hand on its transport; here it finds it in its scope.
"""

from __future__ import annotations

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

EXTENSION = "exhaustion.wire"


class Wire(WebSocketsSansIOProtocol):
    """One connection, below the application."""

    given_up = False
    """Whether its heartbeat has ended it."""

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):  # none where the handshake was refused
            self.scope["extensions"][EXTENSION] = self  # type: ignore[index,assignment]  # ASGI leaves it to servers

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated and not self.transport.is_closing():
            # The parser has refused the request, 2,000 headers say, and uvicorn 0.54 leaves its answer lying.
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    def keepalive_timeout(self) -> None:
        self.given_up = True
        super().keepalive_timeout()

    @property
    def takes_messages(self) -> bool:
        """Whether something that is sent now is taken without waiting."""
        return self.writable.is_set() and not self.is_ending

    @property
    def is_ending(self) -> bool:
        """Whether it has been closed, from either side, and may still hold its socket."""
        return self.close_sent or self.transport.is_closing()

    def abort(self) -> None:
        """End it at once, whatever is still to be written."""
        self.transport.abort()
