"""TLS between a client's connection and its TCP: a transport to the one above, a protocol to the one beneath.

asyncio's own TLS has no half-close, waits for the other side's goodbye when it closes, and hides what lies unsent in
TCP. Here every act on TCP is still the client's own: `close` alone says goodbye, and what the socket does is seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
import time
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["Above", "TlsTransport"]

_CHUNK = 64 * 1024
"""Bytes asked for at a time; a record has 16 KiB at most (RFC 8446, 5.1)."""

_PLACE_IN_ITS_SOURCE = re.compile(r" \(_ssl\.c:[0-9]+\)$")


class Above(Protocol):
    """Who speaks through it: an asyncio.Protocol that is also told when TLS itself fails."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TCP is established; what is written waits for TLS."""

    def data_received(self, data: bytes) -> None:
        """Bytes came."""

    def eof_received(self) -> bool | None:
        """The server's close_notify came, or its FIN without one."""

    def connection_lost(self, error: Exception | None) -> None:
        """TCP is over."""

    def broken(self, reason: str) -> None:
        """TLS has failed, in its handshake or later."""


class TlsTransport(asyncio.Transport, asyncio.Protocol):
    """The client's end of one TLS connection. `secured` is called with the time at which the handshake was done."""

    def __init__(
        self, above: Above, context: ssl.SSLContext, *, server_name: str, secured: Callable[[float], None]
    ) -> None:
        super().__init__()
        self._above = above
        self._tell_secured = secured
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self._beneath: asyncio.Transport | None = None
        self._waiting = bytearray()
        """What was written before the handshake was done."""
        self._secured = False
        self._broken = False
        self._paused = False
        self._eof_sent = False
        self._eof_told = False
        self._kept = False

    # -- to the one beneath (asyncio.Protocol) ----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._beneath = transport
        self._above.connection_made(self)
        self._shake_hands()

    def data_received(self, data: bytes) -> None:
        if self._broken:
            return
        self._incoming.write(data)
        if not self._secured:
            self._shake_hands()
        if self._secured:
            self._pass_on()

    def eof_received(self) -> bool:
        return self._tell_eof()

    def connection_lost(self, error: Exception | None) -> None:
        self._above.connection_lost(error)

    # -- to the one above (asyncio.Transport) -----------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._secured:
            self._encrypt(data)
            self._flush()
        else:
            self._waiting += data

    def begin_record(self, data: bytes) -> None:
        """Write the first half of the record that holds `data`. Whatever follows would be taken for the rest of it."""
        self._encrypt(data)
        record = self._outgoing.read()
        self._tcp.write(record[: len(record) // 2])

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        """FIN, and no close_notify before it: TLS's goodbye would end the connection sooner than TCP does, where a link
        holds the FIN back. What the server sends is still read."""
        self._eof_sent = True
        self._tcp.write_eof()

    def close(self) -> None:
        """close_notify, and close TCP once it is sent, without waiting for the server's."""
        if not self.is_closing():
            self._say_goodbye()
            self._tcp.close()

    def abort(self) -> None:
        """Close TCP now, without a word."""
        self._tcp.abort()

    def is_closing(self) -> bool:
        return self._tcp.is_closing()

    def pause_reading(self) -> None:
        """Read nothing from TCP, and pass nothing on of what has been read."""
        self._paused = True
        self._tcp.pause_reading()

    def resume_reading(self) -> None:
        self._paused = False
        if self._secured:
            self._pass_on()
        if not self._paused:
            self._tcp.resume_reading()

    def get_write_buffer_size(self) -> int:
        """Bytes in this process; those that TLS has written are counted as they go out."""
        return len(self._waiting) + self._tcp.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """TCP's: the socket above all."""
        return self._tcp.get_extra_info(name, default)

    # -- within -----------------------------------------------------------------------------------------------

    @property
    def _tcp(self) -> asyncio.Transport:
        assert self._beneath is not None, "it is asked only once TCP is established"
        return self._beneath

    def _shake_hands(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
        except (ssl.SSLError, ssl.CertificateError) as error:
            self._break(error)
        else:
            self._secured = True
            self._encrypt(self._waiting)
            self._waiting.clear()
            self._flush()
            self._tell_secured(time.monotonic())

    def _pass_on(self) -> None:
        while not self._paused and not self.is_closing():
            try:
                data = self._tls.read(_CHUNK)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLError as error:
                self._break(error)
                return
            if not data:  # close_notify
                if not self._tell_eof():
                    self.close()
                return
            self._above.data_received(data)
        self._flush()

    def _encrypt(self, data: bytes | bytearray | memoryview) -> None:
        left = memoryview(bytes(data))
        try:
            while left:
                left = left[self._tls.write(left) :]
        except ssl.SSLError as error:
            self._break(error)

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data and not self._eof_sent:
            self._tcp.write(data)

    def _say_goodbye(self) -> None:
        if self._secured and not self._eof_sent:
            # It would like to wait for the server's.
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
            self._flush()

    def _tell_eof(self) -> bool:
        """Whether the one above keeps TCP all the same."""
        if not self._eof_told:
            self._eof_told = True
            self._kept = bool(self._above.eof_received())
        return self._kept

    def _break(self, error: Exception) -> None:
        """The alert that says why goes out, and nothing after it."""
        self._broken = True
        self._flush()
        self._above.broken(_PLACE_IN_ITS_SOURCE.sub("", str(error)))
