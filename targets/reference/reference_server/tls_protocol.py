"""TLS beneath `HttpProtocol`: a handshake with the deadline of a request, for it is as cheap to leave unfinished."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING, Any, cast

from uvicorn.server import ServerState

from reference_server.clock import AttentiveTimer
from reference_server.http_protocol import HttpProtocol
from reference_server.secure_transport import SecureTransport
from reference_server.transport import READ_CHUNK_BYTES, RESET_ON_CLOSE

if TYPE_CHECKING:
    from reference_server.config import ReferenceConfig


class TlsProtocol(asyncio.Protocol):
    """Reads from TCP. Once hands are shaken, an `HttpProtocol` has the connection, and does not know of any of this."""

    def __init__(
        self,
        config: ReferenceConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.parts = config.parts
        self.transport: SecureTransport
        self._http = HttpProtocol(config, server_state, app_state, _loop)
        assert config.tls is not None
        self._context = config.tls
        self._connections = cast(set[asyncio.Protocol], server_state.connections)
        self._secured = False
        self._failed = False
        self._deadline: AttentiveTimer | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the deadline: until hands are shaken nothing else bounds the connection."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = SecureTransport(transport, self._http, self._context)
        self.transport.max_size = READ_CHUNK_BYTES
        self._connections.add(self)
        timeout = self.parts.settings.websocket_handshake_timeout
        self._deadline = self.parts.clock.call_after(timeout, self._handshake_is_late)

    def data_received(self, data: bytes) -> None:
        """Shake hands, then decrypt."""
        if self._failed:
            return
        self.transport.feed(data)
        try:
            if not self._secured and self.transport.shake_hands():
                self._begin()
            if self._secured:
                self.transport.pass_on()
        except ssl.SSLError:
            self._fail()

    def eof_received(self) -> None:
        """The peer's FIN; asyncio closes TCP."""
        if self._secured:
            self.transport.end()

    def connection_lost(self, exc: Exception | None) -> None:
        """TCP is over."""
        self._handshake_is_over()
        if self._secured:
            self.transport.get_protocol().connection_lost(exc)
            self.transport.let_go()

    def pause_writing(self) -> None:
        """TCP takes no more."""
        if self._secured:
            self.transport.get_protocol().pause_writing()

    def resume_writing(self) -> None:
        """TCP takes more again."""
        if self._secured:
            self.transport.get_protocol().resume_writing()

    def shutdown(self) -> None:
        """The server goes down, and this peer was never let in."""
        self._reset()

    def _begin(self) -> None:
        self._handshake_is_over()
        self._secured = True
        self._http.connection_made(self.transport)

    def _handshake_is_over(self) -> None:
        self._connections.discard(self)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _handshake_is_late(self) -> None:
        self._deadline = None
        self.parts.counters.handshakes_timed_out += 1
        self._reset()

    def _fail(self) -> None:
        """What came is no TLS, or none of ours; the alert that says so is on its way."""
        self._failed = True
        self.parts.counters.protocol_errors += 1
        if self._secured:
            self._reset()
        else:
            self.transport.abort()

    def _reset(self) -> None:
        """End TCP at once, with nothing left in the kernel."""
        connection: socket.socket | None = self.transport.get_extra_info("socket")
        if connection is not None and connection.fileno() >= 0:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.transport.abort()
