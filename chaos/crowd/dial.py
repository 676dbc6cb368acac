"""A TCP connection, begun and established in two steps, so that many can begin at the same moment."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time
from typing import Any

from chaos.address import Address
from chaos.crowd.plan import ClientPlan
from chaos.errors import CrowdError

__all__ = ["Destination", "Dial", "resolve", "take"]

Destination = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]
"""An address family and a socket address of it, looked up."""

_BIND_ADDRESS_NO_PORT = 24
"""IP_BIND_ADDRESS_NO_PORT of Linux, which the socket module of Python 3.11 does not name: the port is chosen at
connect(), so that ports are counted per destination and not per source address."""

_OURS = {
    errno.EADDRNOTAVAIL: "no local port is left for this destination, or source_host is no address of this machine; "
    "spread the crowd over several source_host addresses of 127.0.0.0/8",
    errno.EMFILE: "this process may not open more files; raise `ulimit -n` or spread the crowd over more workers",
    errno.ENFILE: "this machine may not open more files; raise fs.file-max",
    errno.ENOBUFS: "the kernel has no buffers left; use fewer clients",
    errno.ENOMEM: "the kernel has no memory left; use fewer clients",
}
"""Errors that say nothing about the server."""


async def resolve(address: Address, *, within: float) -> Destination:
    """Look the address up, once for a whole crowd. Raises CrowdError when there is no such host."""
    try:
        return _first(
            socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        )
    except socket.gaierror:
        pass  # a name: asking for it may take long, which belongs into a thread
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(within):
            found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except TimeoutError as error:
        raise CrowdError(f"looking up {address.host!r} took longer than {within:.3g}s; use an IP address") from error
    except socket.gaierror as error:
        raise CrowdError(f"there is no host {address.host!r}: {error.strerror}; use a name that resolves") from error
    return _first(found)


def _first(found: list[Any]) -> Destination:
    family, _, _, _, destination = found[0]
    return family, destination


def take(address: tuple[str, int]) -> socket.socket | None:
    """A socket at an address that connects to nothing: as long as it lives the kernel gives that port to nobody.

    None where a connection that the kernel has not done with yet still has it.
    """
    taken = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    try:
        taken.bind(address)
    except OSError:
        taken.close()
        return None
    return taken


class Dial:
    """One TCP connection on its way."""

    __slots__ = ("_destination", "began", "socket")

    def __init__(self, plan: ClientPlan, destination: Destination) -> None:
        """Make the socket; nothing is sent yet. Raises CrowdError where the machine cannot."""
        family, self._destination = destination
        self.began = 0.0
        """Seconds monotonic, of connect()."""
        try:
            # The protocol has to be named, or asyncio does not set TCP_NODELAY: a client's second small message then
            # waits up to 40 ms for the server's acknowledgement, and the server is blamed for it.
            self.socket = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK, socket.IPPROTO_TCP)
        except OSError as error:
            raise CrowdError(f"cannot make a socket: {_OURS.get(error.errno or 0, str(error))}") from error
        try:
            if plan.receive_buffer is not None:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, plan.receive_buffer)
            if plan.source_host is not None:
                self.socket.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
                self.socket.bind((plan.source_host, 0))
        except OSError as error:
            self.socket.close()
            raise CrowdError(
                f"cannot connect from source_host {plan.source_host}: {_OURS.get(error.errno or 0, str(error))}"
            ) from error

    def begin(self) -> None:
        """Send the SYN. Raises CrowdError where the machine cannot; what the other side does shows later."""
        self.began = time.monotonic()
        code = self.socket.connect_ex(self._destination)
        if code in _OURS:
            raise CrowdError(f"cannot connect: {_OURS[code]}")

    def local_port(self) -> int:
        """The port it comes from; 0 once the attempt was refused."""
        return int(self.socket.getsockname()[1])

    async def established(self) -> float:
        """Wait for the connection; returns when it was seen to be there. Raises OSError when there will be none.

        The caller bounds the wait.
        """
        loop = asyncio.get_running_loop()
        seen: asyncio.Future[float] = loop.create_future()

        def writable() -> None:
            if not seen.done():
                seen.set_result(time.monotonic())

        descriptor = self.socket.fileno()
        loop.add_writer(descriptor, writable)
        try:
            at = await seen
        finally:
            loop.remove_writer(descriptor)
        code = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
        return at

    def close(self) -> None:
        """Give it up."""
        self.socket.close()
