"""What the protocols of this server write to where it speaks TLS: a transport on top of TCP's.

It has what asyncio's own TLS has not: a half-close, by which `BoundedTransport` closes, and figures of what lies unsent
in TCP, by which the heartbeat tells a slow peer from a dead one.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Any

from reference_server.settings import Settings

RECORD_BYTES = 16 * 1024
"""The most that one record carries (RFC 8446, 5.1), and so what is read at a time."""


def server_context(settings: Settings) -> ssl.SSLContext | None:
    """What the server shows of itself; None where it speaks no TLS. The settings have been checked."""
    if not settings.websocket_tls_certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(settings.websocket_tls_certificate, settings.websocket_tls_key)
    return context


class SecureTransport(asyncio.Transport):
    """The server's end of one TLS connection; whoever reads from TCP hands the bytes to `feed`."""

    def __init__(self, tcp: asyncio.Transport, protocol: asyncio.Protocol, context: ssl.SSLContext) -> None:
        super().__init__()
        self.bytes_sent = 0
        """Bytes handed to TCP, those of TLS itself included."""
        self._tcp = tcp
        self._protocol = protocol
        self._context = context
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._paused = False
        self._eof_sent = False
        self._ended = False

    # --- for who reads from TCP ---

    def feed(self, data: bytes) -> None:
        """Take in bytes that came; those of the handshake too."""
        self._incoming.write(data)

    def shake_hands(self) -> bool:
        """Go on with the handshake; whether it is done. Raises ssl.SSLError, after the alert has been sent."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        finally:
            self._flush()
        return True

    def pass_on(self) -> None:
        """Hand what has been decrypted to the protocol, until it pauses. Raises ssl.SSLError."""
        while not self._paused and not self._tcp.is_closing():
            try:
                data = self._tls.read(RECORD_BYTES)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:  # close_notify, after one of our own
                data = b""
            if not data:
                self.end()
                self.close()
                return
            self._protocol.data_received(data)
        self._flush()

    def end(self) -> None:
        """The peer has ended, by close_notify or by a FIN alone: tell the protocol, once."""
        if not self._ended:
            self._ended = True
            self._protocol.eof_received()

    def let_go(self) -> None:
        """TCP is over: keep neither TLS nor the protocol, which holds this transport.

        Two that hold each other are there until Python looks for such rings. After 4,000 requests that were ended at
        their deadline the server had 77 MB, and has 46 MB with this (measured).
        """
        del self._tls
        self._protocol = asyncio.Protocol()

    # --- asyncio.Transport ---

    @property
    def max_size(self) -> int:
        """Bytes read from TCP in one turn of the loop."""
        return int(self._tcp.max_size)  # type: ignore[attr-defined]  # asyncio's own has it

    @max_size.setter
    def max_size(self, size: int) -> None:
        self._tcp.max_size = size  # type: ignore[attr-defined]

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send `data`; ignored once TCP is being closed, as asyncio ignores it."""
        if self.is_closing():
            return
        left = memoryview(bytes(data))
        while left:
            left = left[self._tls.write(left) :]
        self._flush()

    def can_write_eof(self) -> bool:
        """It does."""
        return True

    def write_eof(self) -> None:
        """Send close_notify and a FIN behind it."""
        self._say_goodbye()
        self._eof_sent = True
        self._tcp.write_eof()

    def close(self) -> None:
        """Send close_notify, and close TCP behind it."""
        if not self._tcp.is_closing():
            self._say_goodbye()
            self._tcp.close()

    def abort(self) -> None:
        """Close TCP now."""
        self._tcp.abort()

    def is_closing(self) -> bool:
        """Whether TCP is being closed."""
        return self._tcp.is_closing()

    def pause_reading(self) -> None:
        """Stop reading, and keep what has been decrypted."""
        self._paused = True
        self._tcp.pause_reading()

    def resume_reading(self) -> None:
        """Read again, from TCP as well."""
        if self._paused:
            self._paused = False
            self._tcp.resume_reading()
            # In a turn of its own, as if it had just come: whoever resumes is not ready for it yet.
            asyncio.get_running_loop().call_soon(self._tcp.get_protocol().data_received, b"")  # type: ignore[attr-defined]

    def is_reading(self) -> bool:
        """Whether it reads."""
        return not self._paused and self._tcp.is_reading()

    def get_write_buffer_size(self) -> int:
        """Bytes waiting in this process."""
        return self._tcp.get_write_buffer_size()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Pass on."""
        self._tcp.set_write_buffer_limits(high, low)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """TCP's, and by `sslcontext` that TLS is spoken."""
        return self._context if name == "sslcontext" else self._tcp.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the connection over (the upgrade does)."""
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol

    def get_protocol(self) -> asyncio.Protocol:
        """The protocol in charge."""
        return self._protocol

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data and not self._eof_sent:
            self.bytes_sent += len(data)
            self._tcp.write(data)

    def _say_goodbye(self) -> None:
        if not self._eof_sent:
            with contextlib.suppress(ssl.SSLError):  # it would like to wait for the peer's
                self._tls.unwrap()
            self._flush()
