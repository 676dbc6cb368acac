"""Hears of a connection's end on sockets that nobody reads.

A toxic that holds data back makes the proxy stop reading, and an event loop tells nothing about a socket that is not
read. An RST that arrives meanwhile would be found when reading goes on, perhaps never. So every socket is also watched
by an epoll instance of its own, for hang-ups only and edge-triggered; that costs nothing while nothing happens.
"""

from __future__ import annotations

import asyncio
import select
import socket
import sys
from collections.abc import Callable

__all__ = ["HangupWatch"]


class HangupWatch:
    """Calls back when a socket's peer has closed or reset it, read or not.

    Where there is no epoll (anything but Linux) it never calls: there an RST is found at the next read or write.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._callbacks: dict[int, Callable[[bool], None]] = {}
        if sys.platform == "linux":
            self._epoll = select.epoll()
            loop.add_reader(self._epoll.fileno(), self._poll)

    def add(self, sock: socket.socket, callback: Callable[[bool], None]) -> None:
        """From now on call `callback(error)` when the peer has sent FIN (False), or the socket has an error (True)."""
        if sys.platform == "linux":
            self._callbacks[sock.fileno()] = callback
            self._epoll.register(sock.fileno(), select.EPOLLRDHUP | select.EPOLLET)

    def remove(self, sock: socket.socket) -> None:
        """Forget a socket; to be called before it is closed."""
        if sys.platform == "linux" and self._callbacks.pop(sock.fileno(), None) is not None:
            self._epoll.unregister(sock.fileno())

    def close(self) -> None:
        """End the watch."""
        self._callbacks.clear()
        if sys.platform == "linux":
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()

    if sys.platform == "linux":

        def _poll(self) -> None:
            for descriptor, events in self._epoll.poll(0):
                # One callback may close another's socket.
                callback = self._callbacks.get(descriptor)
                if callback is not None:
                    callback(bool(events & select.EPOLLERR))
