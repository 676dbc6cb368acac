"""One TCP socket of a proxied connection, with FIN and RST told apart in both directions."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections import deque
from typing import Protocol

from chaos.links.embedded.hangup import HangupWatch
from chaos.links.embedded.items import End
from chaos.links.embedded.sockets import reset_on_close

__all__ = ["RECEIVE_SIZE", "Endpoint", "EndpointOwner"]

RECEIVE_SIZE = 32_768
"""Bytes read in one go, Toxiproxy's figure: the most that an endpoint holds for a peer that has stopped reading. The
kernel's socket buffers hold more (about 7 MB over both hops, measured), and each toxic two chunks (latency 1,025)."""


class EndpointOwner(Protocol):
    """Whoever is told what happens to an endpoint."""

    def received(self, endpoint: Endpoint, data: bytes) -> None:
        """Bytes came in."""
        ...

    def fin_received(self, endpoint: Endpoint) -> None:
        """The peer sends nothing more; it may still receive."""
        ...

    def drained(self, endpoint: Endpoint) -> None:
        """All that was written is in the kernel's hands: there is room again."""
        ...

    def fin_sent(self, endpoint: Endpoint) -> None:
        """What `finish` asked for is done."""
        ...

    def gone(self, endpoint: Endpoint, how: End, error: int) -> None:
        """The socket is closed: by a reset or a failure (`error` is its errno), or as `finish` asked (0)."""
        ...

    def hung_up(self, endpoint: Endpoint) -> None:
        """The peer has sent FIN; reading has not come to it, because nobody reads."""
        ...


class Endpoint:
    """A connected socket. Nothing is read until `read` is called."""

    __slots__ = (
        "_backlog",
        "_broken",
        "_end",
        "_loop",
        "_owner",
        "_sock",
        "_watch",
        "_writing",
        "closed",
        "fin_received",
        "fin_sent",
        "reading",
        "received_bytes",
        "rst_sent",
        "sent_bytes",
    )

    def __init__(
        self,
        sock: socket.socket,
        *,
        loop: asyncio.AbstractEventLoop,
        watch: HangupWatch,
        owner: EndpointOwner,
        broken: int = 0,
    ) -> None:
        """`broken` is an errno that has already been taken off the socket."""
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self._loop = loop
        self._watch = watch
        self._owner = owner
        self._backlog: deque[memoryview] = deque()
        self._writing = False
        self._end: End | None = None
        self._broken = broken  # the errno that a write met, while reading has not yet come to it
        self.reading = False
        self.closed = False
        self.fin_received = False
        self.fin_sent = False
        self.rst_sent = False
        """Whether closing it sent RST: asked for, or because bytes were left unread."""
        self.received_bytes = 0
        self.sent_bytes = 0
        watch.add(sock, self._on_hangup)

    def read(self, wanted: bool) -> None:
        """Start reading, or stop: then the kernel's buffer fills, and the peer's window closes."""
        wanted = wanted and not (self.closed or self.fin_received)
        if wanted != self.reading:
            self.reading = wanted
            if wanted:
                self._loop.add_reader(self._sock.fileno(), self._on_readable)
            else:
                self._loop.remove_reader(self._sock.fileno())

    def has_room(self) -> bool:
        """Whether all that was written is in the kernel's hands."""
        return not self._backlog

    def write(self, data: bytes) -> None:
        """Send, or keep what the kernel does not take. After `finish` or the end it goes nowhere."""
        if self.closed or self._end is not None or self._broken:
            return
        view = memoryview(data)
        if not self._backlog:
            view = view[self._send(view) :]
        if view:
            self._backlog.append(view)
            self._want_write(True)

    def finish(self, how: End) -> None:
        """End the stream. FIN and CLOSE wait for what has been written; RESET discards it and happens now."""
        if self.closed or (self._end is not None and how <= self._end):
            return
        self._end = how
        if how is End.RESET:
            reset_on_close(self._sock)
            self.close()
            self.rst_sent = True
            self._owner.gone(self, End.RESET, 0)
        elif not self._backlog:
            self._finish()

    def close(self) -> None:
        """Close the socket now; what was not sent is lost. The owner is not told."""
        if not self.closed:
            self.rst_sent = self._has_unread()
            self._dispose()

    def _on_readable(self) -> None:
        try:
            data = self._sock.recv(RECEIVE_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lost(error.errno or errno.EIO)
            return
        if data:
            self.received_bytes += len(data)
            self._owner.received(self, data)
        elif self._broken:
            self._lost(self._broken)
        else:
            self.read(False)
            self.fin_received = True
            self._owner.fin_received(self)

    def _send(self, view: memoryview) -> int:
        try:
            sent = self._sock.send(view)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            # The peer has reset the connection. What it sent before that may still be unread; reading finds the end.
            self._broken = error.errno or errno.EIO
            self._backlog.clear()
            if not self.reading:
                self._loop.call_soon(self._lost, self._broken)
            return len(view)
        self.sent_bytes += sent
        return sent

    def _on_writable(self) -> None:
        while self._backlog:
            view = self._backlog.popleft()
            rest = view[self._send(view) :]
            if rest:
                self._backlog.appendleft(rest)
                return
        self._want_write(False)
        if self._end is not None:
            self._finish()
        else:
            self._owner.drained(self)

    def _want_write(self, wanted: bool) -> None:
        if wanted != self._writing:
            self._writing = wanted
            if wanted:
                self._loop.add_writer(self._sock.fileno(), self._on_writable)
            else:
                self._loop.remove_writer(self._sock.fileno())

    def _finish(self) -> None:
        if self._end is End.FIN:
            try:
                self._sock.shutdown(socket.SHUT_WR)
            except OSError as error:
                self._loop.call_soon(self._lost, error.errno or errno.EIO)
                return
            self.fin_sent = True
            self._owner.fin_sent(self)
        else:
            self.close()
            self._owner.gone(self, End.CLOSE, 0)

    def _on_hangup(self, error: bool) -> None:
        if self.reading:
            return  # the reader meets it, behind the data that came before
        if error:
            self._lost(self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or errno.ECONNRESET)
        elif not self.fin_received:
            self._owner.hung_up(self)

    def _has_unread(self) -> bool:
        """Whether bytes wait in the kernel's receive buffer: closing the socket then sends RST, not FIN."""
        try:
            return bool(self._sock.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def _dispose(self) -> None:
        self.read(False)
        self._want_write(False)
        self._backlog.clear()
        self.closed = True
        self._watch.remove(self._sock)
        self._sock.close()

    def _lost(self, error: int) -> None:
        if not self.closed:
            self._dispose()
            self._owner.gone(self, End.RESET, error)
