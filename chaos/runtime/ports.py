"""TCP ports of this machine: free ones, and who has a taken one."""

from __future__ import annotations

import contextlib
import errno
import itertools
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil

from chaos.address import Address

__all__ = ["free_ports", "is_taken", "taken_by"]


_LOWEST = 10_000
"""Below it are the ports that well-known programs listen on."""

_ENOUGH = 1_000
"""Ports below the kernel's own range that make it worth drawing from them."""


def free_ports(count: int, *, host: str = "127.0.0.1") -> tuple[int, ...]:
    """That many different ports that are free now, in random order.

    They lie below the range that the kernel takes the ports of outgoing connections from, where that leaves room: in
    it, any client on this machine could be given one before the program that it was chosen for calls bind(). Another
    listener may still take one meanwhile, which then shows as the start failing.
    """
    with contextlib.ExitStack() as held:
        ports: list[int] = []
        for wanted in _candidates():
            probe = held.enter_context(socket.socket(_family(host)))
            try:
                probe.bind((host, wanted))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
            ports.append(int(probe.getsockname()[1]))
            if len(ports) == count:
                break
        return tuple(ports)


def _candidates() -> Iterator[int]:
    """Ports to be tried; 0, which lets the kernel choose, when there are no others."""
    own = range(_LOWEST, _lowest_outgoing())
    if len(own) >= _ENOUGH:
        yield from random.SystemRandom().sample(own, _ENOUGH)
    yield from itertools.repeat(0)


def _lowest_outgoing() -> int:
    """The lowest port that an outgoing connection is given; 0 where the kernel does not tell."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):
        return 0


def is_taken(address: Address) -> bool:
    """Whether bind() would fail because someone listens there; TIME_WAIT of earlier connections does not count."""
    with socket.socket(_family(address.host)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return True
            raise
    return False


def taken_by(address: Address) -> str:
    """`"pid 4711 (nginx)"`, or `"another program"` where the kernel will not tell us."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            local = connection.laddr
            if connection.status == psutil.CONN_LISTEN and local and local.port == address.port and connection.pid:
                return f"pid {connection.pid} ({psutil.Process(connection.pid).name()})"
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return "another program"
    return "another program"


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
