"""A transport whose `close()` always ends, whatever the peer does.

asyncio's own `close()` waits for ever until the peer has taken the last buffered byte, and the kernel keeps a closed
socket with unsent data for minutes. Here a close is a half-close followed by a deadline: the peer has until then to
take the data and to close its side; after it the connection is reset and the kernel's socket is gone at once.
"""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import termios
from collections.abc import Iterable
from typing import Any

from reference_server.clock import AttentiveClock, AttentiveTimer
from reference_server.secure_transport import SecureTransport

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER on, zero seconds: closing drops unsent data, sends RST and frees the socket immediately."""

READ_CHUNK_BYTES = 16 * 1024
"""Bytes read from one connection per turn of the event loop (asyncio's own default is 256 KiB).

256 KiB of six-byte frames are 43,000 messages: one flooding client would hold up everybody else for a good part of a
second and fill its receive queue with more than ten megabytes. 16 KiB bounds the turn to some 2,700 frames.
"""


class BoundedTransport(asyncio.Transport):
    """Wraps a TCP transport: counts what is written and bounds every way of closing by `close_timeout` seconds."""

    def __init__(self, transport: asyncio.Transport, *, clock: AttentiveClock, close_timeout: float) -> None:
        super().__init__()
        self._transport = transport
        self._clock = clock
        self._close_timeout = close_timeout
        self._closing = False
        self._deadline: AttentiveTimer | None = None
        self._plain_bytes = 0
        if hasattr(transport, "max_size"):
            transport.max_size = READ_CHUNK_BYTES

    @property
    def bytes_written(self) -> int:
        """Bytes of the outgoing stream, as TCP counts them: over TLS there are more of them than were written here."""
        return self._transport.bytes_sent if isinstance(self._transport, SecureTransport) else self._plain_bytes

    def expect_close(self) -> None:
        """Start the close deadline (once): from now on the connection has `close_timeout` seconds to live."""
        if self._deadline is None:
            self._deadline = self._clock.call_after(self._close_timeout, self.cut)
            self._bound_the_kernel()

    def close(self) -> None:
        """Send what is buffered and a FIN, then wait for the peer's FIN until the deadline."""
        if self._closing or self._transport.is_closing():
            return
        self._closing = True
        self.expect_close()
        # A connection that is not read never learns of the peer's FIN.
        self._transport.resume_reading()
        try:
            self._transport.write_eof()
        except OSError:
            # The peer has reset the connection and asyncio has not noticed yet: there is nobody to say goodbye to.
            self.cut()

    def cut(self) -> None:
        """Reset the connection now: nothing is flushed, no socket stays behind in the kernel."""
        self._closing = True
        connection: socket.socket | None = self._transport.get_extra_info("socket")
        if connection is not None and connection.fileno() >= 0:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._transport.abort()

    def abort(self) -> None:
        """The same as `cut`: an aborted connection leaves nothing behind."""
        self.cut()

    def connection_ended(self) -> None:
        """Called when asyncio reports the connection as lost: the deadline has nothing left to guard."""
        self._closing = True
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def unacknowledged(self) -> int:
        """Bytes written that the peer's kernel has not acknowledged: in our buffer and in the socket's send queue."""
        return self._transport.get_write_buffer_size() + self._send_queue_bytes()

    def delivered(self) -> int:
        """Bytes of the outgoing stream which the peer's kernel has acknowledged."""
        return self.bytes_written - self.unacknowledged()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send `data`; ignored once the close has begun, as asyncio ignores writes to a closed transport."""
        if not self._closing:
            self._plain_bytes += len(data)
            self._transport.write(data)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """Send the pieces as one."""
        self.write(b"".join(list_of_data))

    def is_closing(self) -> bool:
        """Whether the close has begun."""
        return self._closing or self._transport.is_closing()

    def pause_reading(self) -> None:
        """Stop reading, unless the close has begun: then the peer's FIN must be seen."""
        if not self.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        if not self.is_closing():
            self._transport.resume_reading()

    def is_reading(self) -> bool:
        """Whether the transport reads."""
        return self._transport.is_reading()

    def get_write_buffer_size(self) -> int:
        """Bytes waiting in this process."""
        return self._transport.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Pass on: the socket, the peer's name and the like."""
        return self._transport.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the connection over to another protocol (the upgrade does)."""
        self._transport.set_protocol(protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The protocol in charge."""
        return self._transport.get_protocol()

    def _bound_the_kernel(self) -> None:
        # What the process has handed to the kernel outlives the process's interest in it. TCP_USER_TIMEOUT makes the
        # kernel give up on unacknowledged data, on a zero window too, after the same time.
        connection: socket.socket | None = self._transport.get_extra_info("socket")
        if connection is not None and connection.fileno() >= 0 and hasattr(socket, "TCP_USER_TIMEOUT"):
            milliseconds = max(1, round(self._close_timeout * 1000))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)

    def _send_queue_bytes(self) -> int:
        connection: socket.socket | None = self._transport.get_extra_info("socket")
        if connection is None or connection.fileno() < 0:
            return 0
        # SIOCOUTQ, which Linux shares with TIOCOUTQ: bytes in the send queue, sent but unacknowledged ones included.
        answer = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
        return int(struct.unpack("i", answer)[0])
