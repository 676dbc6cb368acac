"""The listening socket, and the room for the connections it takes in."""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import socket
from typing import Any

from reference_server.statistics import Counters

logger = logging.getLogger(__name__)

ACCEPT_BATCH = 64
"""Connections asyncio accepts in one turn of its loop.

asyncio uses one number both for this and for the kernel's queue. A batch as long as the queue would let a burst hold
up everybody inside, and with no file descriptor left it logs an error for each of them. So asyncio gets the small
number, and the kernel's queue is made longer afterwards.
"""


def open_listener(host: str, port: int, *, send_buffer_bytes: int) -> socket.socket:
    """Bind, so that a restart after a crash can bind again at once.

    Connections inherit the send buffer's size, and that no message waits to be sent together with the next one.

    Raises OSError.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # The kernel would otherwise grow it to megabytes, all of them held by a peer that has stopped reading.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)
        # asyncio does so only for sockets that were made with a protocol number, which accepted ones are not: an answer
        # right behind a ping would wait for the peer's delayed acknowledgement, 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def allow_open_files() -> None:
    """Raise the soft limit on open files to the hard one: each connection is a file."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class ExhaustionHandler:
    """Counts connections that could not be accepted for want of file descriptors or memory; logs the first of a row.

    asyncio tries again after a second by itself, but logs a traceback for every attempt, dozens in each turn.
    """

    SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
    QUIET = 10.0
    """Seconds without a shortage after which the next one is news again."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._last = float("-inf")

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """The loop's exception handler."""
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno in self.SHORTAGES and "socket" in context):
            loop.default_exception_handler(context)
            return
        self._counters.accept_failures += 1
        if loop.time() - self._last > self.QUIET:
            logger.error("cannot accept connections: %s; raise the limit on open files (ulimit -n)", error)
        self._last = loop.time()
