"""HTTP as uvicorn speaks it, with a deadline and a size limit for every request: no half-made handshake stays open."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from reference_server.clock import AttentiveTimer
from reference_server.transport import BoundedTransport

if TYPE_CHECKING:
    from reference_server.config import ReferenceConfig

MAX_REQUEST_BYTES = 64 * 1024
"""Headers and body together: what this server is asked never needs more, and the parser itself sets no limit."""


class HttpProtocol(HttpToolsProtocol):
    """Every connection begins here; an upgrade hands it over to `WebSocketProtocol`."""

    config: ReferenceConfig

    def __init__(
        self,
        config: ReferenceConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.parts = config.parts
        self.request_bytes = 0
        self.latest = b""
        """What is being parsed."""
        self.deadline: AttentiveTimer | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Bound the transport, and start the deadline for the first request."""
        settings = self.parts.settings
        bounded = BoundedTransport(transport, clock=self.parts.clock, close_timeout=settings.websocket_close_timeout)
        super().connection_made(bounded)
        self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is expected any more."""
        self._request_is_complete()
        super().connection_lost(exc)
        cast(BoundedTransport, self.transport).connection_ended()

    def eof_received(self) -> None:
        """The peer has sent its FIN; asyncio closes, and the close is bounded."""
        cast(BoundedTransport, self.transport).expect_close()

    def data_received(self, data: bytes) -> None:
        """Parse, within the limits; a connection being closed is no longer listened to."""
        if self.transport.is_closing():
            return
        self._expect_request()
        self.request_bytes += len(data)
        if self.request_bytes > MAX_REQUEST_BYTES:
            self.parts.counters.reject("request_too_large")
            self.refuse(431, "Request Header Fields Too Large")
            return
        self.latest = data
        super().data_received(data)

    def handle_websocket_upgrade(self) -> None:
        """Refuse a client that does not wait for the 101 (RFC 6455, 4.1); uvicorn would drop what it has sent."""
        upgrade = sys.exception()  # uvicorn calls this where it handles the parser's, which says where the request ends
        assert isinstance(upgrade, httptools.HttpParserUpgrade)
        if upgrade.args[0] < len(self.latest):
            self.send_400_response("The client has to wait for the answer to its upgrade request.")
            return
        # RFC 6455, 4.2.1, and RFC 9112, 3.2; the parser looks at neither.
        if [name for name, _ in self.headers].count(b"host") != 1:
            self.send_400_response("An upgrade request names one Host.")
            return
        super().handle_websocket_upgrade()

    def _get_upgrade(self) -> bytes | None:
        """Several Connection lines are one list (RFC 9110, 5.3); uvicorn takes the last of them for all."""
        options = b",".join(value for name, value in self.headers if name == b"connection").lower().split(b",")
        if b"upgrade" not in map(bytes.strip, options):
            return None
        return next((value.lower() for name, value in reversed(self.headers) if name == b"upgrade"), None)

    def _should_upgrade(self) -> bool:
        """HTTP/1.0 knows no upgrade: its header is ignored (RFC 9110, 7.8)."""
        return self.parser.get_http_version() != "1.0" and super()._should_upgrade()

    def on_message_complete(self) -> None:
        """The request is here in full (an upgrade request too, before it is handed over)."""
        self._request_is_complete()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What came in is no HTTP."""
        self.parts.counters.reject("bad_request")
        super().send_400_response(msg)

    def refuse(self, status: int, reason: str) -> None:
        """Answer without asking the application, and close."""
        head = f"HTTP/1.1 {status} {reason}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        self.transport.write(head.encode("ascii"))
        self.transport.close()

    def _expect_request(self) -> None:
        if self.deadline is None:
            timeout = self.parts.settings.websocket_handshake_timeout
            self.deadline = self.parts.clock.call_after(timeout, self._request_is_late)

    def _request_is_complete(self) -> None:
        self.request_bytes = 0
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None

    def _request_is_late(self) -> None:
        self.deadline = None
        if self.transport.is_closing():
            return
        self.parts.counters.handshakes_timed_out += 1
        if self.cycle is not None and self.cycle.response_started:
            # Answered without waiting for the body, which never came.
            self.transport.close()
        else:
            self.refuse(408, "Request Timeout")
