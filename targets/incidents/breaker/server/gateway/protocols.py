"""uvicorn's protocols with the two time-outs of the owners' that are no option of it.

Stock uvicorn waits without end for the head of a first request. For the answer to a close frame it waits 10 s, a figure
in its code.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


def http_within(handshake_timeout: float | None) -> type[H11Protocol]:
    """HTTP whose first request has come as a whole within so many seconds, or the connection is closed."""
    if handshake_timeout is None:
        return H11Protocol

    class Within(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
            super().connection_made(transport)
            self._too_late = self.loop.call_later(handshake_timeout, transport.close)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.scope is not None:
                self._too_late.cancel()

        def connection_lost(self, exc: Exception | None) -> None:
            self._too_late.cancel()
            super().connection_lost(exc)

    return Within


def websocket_closing_within(close_timeout: float) -> type[WebSocketsSansIOProtocol]:
    """WebSocket whose peer answers a close frame within so many seconds, or is closed."""

    class Within(WebSocketsSansIOProtocol):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self.close_timeout = close_timeout

    return Within
