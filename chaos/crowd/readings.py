"""What the kernel says of the crowd's own sockets: the client's side of the truth."""

from __future__ import annotations

import fcntl
import socket
import struct
import termios
from asyncio.trsock import TransportSocket

from chaos.crowd.client import Client
from chaos.crowd.plan import SocketState

__all__ = ["local_address", "socket_state"]

_STATES = (
    "",
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
)
"""By their number in the kernel (include/net/tcp_states.h)."""


def local_address(client: Client) -> tuple[str, int] | None:
    """Host and port of the client's end; None when it has no socket."""
    found = _socket(client)
    if found is None:
        return None
    host, port = found.getsockname()[:2]
    return host, port


def socket_state(client: Client) -> SocketState | None:
    """State and queues of the client's socket; None when it has none."""
    found = _socket(client)
    if found is None:
        return None
    (number,) = found.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    return SocketState(
        state=_STATES[number],
        receive_queue=_queue(found, termios.FIONREAD),
        send_queue=_queue(found, termios.TIOCOUTQ),
    )


def _queue(found: TransportSocket, request: int) -> int:
    (count,) = struct.unpack("i", fcntl.ioctl(found.fileno(), request, b"\0\0\0\0"))
    return int(count)


def _socket(client: Client) -> TransportSocket | None:
    if client.connection is None or client.connection.transport is None or client.connection.gone.done():
        return None
    found: TransportSocket = client.connection.transport.get_extra_info("socket")
    return found if found.fileno() >= 0 else None
