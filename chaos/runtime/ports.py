"""TCP ports of this machine: free ones, and who has a taken one."""

from __future__ import annotations

import contextlib
import errno
import socket

import psutil

from chaos.address import Address

__all__ = ["free_ports", "is_taken", "taken_by"]


def free_ports(count: int, *, host: str = "127.0.0.1") -> tuple[int, ...]:
    """That many different ports that are free now.

    The kernel hands them out in random order, and each is held until all are chosen; between this call and the
    program's own bind() another program may still take one, which then shows as the start failing.
    """
    with contextlib.ExitStack() as held:
        ports = []
        for _ in range(count):
            probe = held.enter_context(socket.socket(_family(host)))
            probe.bind((host, 0))
            ports.append(int(probe.getsockname()[1]))
        return tuple(ports)


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
