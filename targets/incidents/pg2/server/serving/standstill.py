"""A server that stood still gives nobody up for it.

Three clocks of Engine.IO's run on while its process is stopped, swapped out or moved to another machine, and all are
over when it wakes, before it has read what came meanwhile: the reader's on its socket, the writer's on its queue, and a
sweep's, by the time of day of the last ping. Here the reader's alone tells who is dead, and it knows when it overslept.
"""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any

from eventlet import websocket

OVERSLEPT = 1.0
"""Seconds that a timer fires late: a loop on two busy cores has been seen late by 0.4 s."""


class Lenient:
    """A socket whose `recv` looks once more when its time is up, and begins anew where the process slept through it: a
    client that was asked nothing meanwhile has nothing to answer. Its `close` wakes who reads. All else is the
    socket's own."""

    def __init__(self, sock: Any) -> None:
        self._socket = sock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def recv(self, size: int) -> bytes:
        while True:
            began, within = time.monotonic(), self._socket.gettimeout()
            try:
                return self._socket.recv(size)
            except TimeoutError:
                late = time.monotonic() - began - within
                with contextlib.suppress(BlockingIOError):
                    return self._socket.fd.recv(size)
                if late < OVERSLEPT:
                    raise

    def close(self) -> None:
        """End what can be heard and said; gunicorn closes it behind its reader.

        Engine.IO's writer closes it when a client has said goodbye. eventlet's own close wakes nobody: the reader
        waited for ping interval and timeout together, 85 s, and a worker that was told to end waited with it.
        """
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)


class Unhurried(websocket.RFC6455WebSocket):
    """A WebSocket that is read leniently."""

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(Lenient(sock), *args, **kwargs)


def let_the_reader_tell() -> None:
    """From now on neither Engine.IO's writer nor its sweep ends a WebSocket; the reader's end ends the writer."""
    from engineio import exceptions
    from engineio.socket import Socket

    poll, check_ping_timeout = Socket.poll, Socket.check_ping_timeout

    def _poll(self: Any) -> Any:
        while True:
            try:
                return poll(self)
            except exceptions.QueueEmpty:
                if not self.upgraded:
                    raise

    def _check_ping_timeout(self: Any) -> bool:
        return (self.upgraded and not self.closed) or check_ping_timeout(self)

    Socket.poll, Socket.check_ping_timeout = _poll, _check_ping_timeout
