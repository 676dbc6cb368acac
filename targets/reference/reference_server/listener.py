"""The listening socket, and the room for the connections it takes in."""

from __future__ import annotations

import resource
import socket

ACCEPT_BATCH = 64
"""Connections asyncio accepts in one turn of its loop.

asyncio uses one number both for this and for the kernel's queue. A batch as long as the queue would let a burst hold
up everybody inside, and with no file descriptor left it logs an error for each of them. So asyncio gets the small
number, and the kernel's queue is made longer afterwards.
"""


def open_listener(host: str, port: int, *, send_buffer_bytes: int) -> socket.socket:
    """Bind, so that a restart after a crash can bind again at once. Connections inherit the send buffer's size.

    Raises OSError.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # The kernel would otherwise grow it to megabytes, all of them held by a peer that has stopped reading.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def allow_open_files() -> None:
    """Raise the soft limit on open files to the hard one: each connection is a file."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
