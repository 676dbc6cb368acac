"""Listening and connecting, as Go does it: wildcard addresses are dual-stack, every address of a name is tried.

One thing is not as in Go: no TCP keepalive. Go's probes, 15 s after the last byte, would find a vanished client in the
server's place, and a server that does no such thing itself would pass.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
from dataclasses import dataclass

from chaos.links.embedded.addresses import AddressError, TcpAddress, resolve, resolve_all

__all__ = ["Dialled", "ListenError", "dial", "listen", "reset_on_close"]

BACKLOG = 4096
"""Connections that wait to be accepted; the kernel lowers it to net.core.somaxconn, which is what Go asks for."""


@dataclass(frozen=True, slots=True)
class Dialled:
    """A connection that was made."""

    sock: socket.socket
    where: TcpAddress
    broken: int
    """The errno if it was reset before we could look: asking for it takes it off the socket. 0: it is sound."""


class ListenError(Exception):
    """A listener that could not be opened; `str()` is Go's message."""


async def listen(address: str, *, loop: asyncio.AbstractEventLoop) -> socket.socket:
    """A non-blocking listening socket on `host:port`. Raises ListenError."""
    try:
        where = await resolve(address, loop=loop)
    except AddressError as error:
        raise ListenError(f"listen tcp: {error}") from None
    try:
        return _bind(where)
    except OSError as error:
        reason = os.strerror(error.errno or errno.EIO).lower()
        raise ListenError(f"listen tcp {where}: bind: {reason}") from None


async def dial(address: str, *, loop: asyncio.AbstractEventLoop) -> Dialled:
    """Connect to `host:port`. Raises AddressError, or the OSError of the last address tried."""
    failure = errno.EADDRNOTAVAIL
    for where in await resolve_all(address, loop=loop):
        sock = socket.socket(where.family, socket.SOCK_STREAM)
        try:
            failure = await _connect(sock, where, loop=loop)
        except BaseException:
            sock.close()
            raise
        if failure in (0, errno.ECONNRESET):
            return Dialled(sock, where, failure)
        sock.close()
    raise OSError(failure, os.strerror(failure))


async def _connect(sock: socket.socket, where: TcpAddress, *, loop: asyncio.AbstractEventLoop) -> int:
    """Connect; return the errno, 0 for success."""
    sock.setblocking(False)
    error = sock.connect_ex((where.host or "127.0.0.1", where.port))
    if error != errno.EINPROGRESS:
        return error
    connected = loop.create_future()
    loop.add_writer(sock.fileno(), _settle, connected)
    try:
        await connected
    finally:
        loop.remove_writer(sock.fileno())
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def reset_on_close(sock: socket.socket) -> None:
    """Have the kernel send RST, not FIN, when the socket is closed."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # on, for 0 seconds


def _bind(where: TcpAddress) -> socket.socket:
    dual_stack = where.is_wildcard and socket.has_dualstack_ipv6()
    sock = socket.socket(socket.AF_INET6 if dual_stack else where.family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if dual_stack:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("::" if dual_stack else where.host, where.port))
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock
