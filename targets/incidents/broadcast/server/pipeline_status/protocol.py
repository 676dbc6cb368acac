"""uvicorn's WebSocket protocol, which does not hold on to a peer that has stopped reading.

uvicorn 0.54 closes a peer that owes a pong behind all that waits to be written to it, and so never: beyond 40 s,
measured. Its close timeout is fixed at 10 s.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


def protocol(close_timeout: float) -> type[WebSocketsSansIOProtocol]:
    """The class for a close timeout in seconds."""

    class Protocol(WebSocketsSansIOProtocol):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.close_timeout = close_timeout

        def keepalive_timeout(self) -> None:
            super().keepalive_timeout()
            self.transport.abort()

    return Protocol
