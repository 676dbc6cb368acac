"""TCP sockets straight from the kernel: NETLINK_SOCK_DIAG (sock_diag(7)), IPv4 and IPv6.

One netlink socket is opened once and kept; it reads the network namespace it was opened in, whoever holds it. The
kernel filters by port, so that the peer's end of a loopback connection costs nothing, and messages of equal length are
unpacked in one go. The suite's own connections, known by `OWN_ADDRESS`, are left out.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections import Counter
from functools import lru_cache
from typing import Any, Literal

from chaos.agent.own_address import is_own
from chaos.agent.types import SocketInfo
from chaos.errors import Unsupported

__all__ = ["ORPHANED", "STATES", "SockDiag"]

STATES = {
    1: "ESTABLISHED",
    2: "SYN_SENT",
    3: "SYN_RECV",
    4: "FIN_WAIT1",
    5: "FIN_WAIT2",
    6: "TIME_WAIT",
    7: "CLOSE",
    8: "CLOSE_WAIT",
    9: "LAST_ACK",
    10: "LISTEN",
    11: "CLOSING",
}
"""The kernel's TCP states by number (include/net/tcp_states.h)."""

ORPHANED = " (orphaned)"
_CLOSING = (4, 5, 9, 11)
"""FIN_WAIT1, FIN_WAIT2, LAST_ACK, CLOSING: without an inode, nobody holds the socket any more. In ESTABLISHED and
CLOSE_WAIT it means something else: nobody has accepted it yet."""
_LISTEN = 1 << 10
_ANY_STATE = sum(1 << number for number in STATES)

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST_AND_DUMP = 0x301
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_INET_DIAG_REQ_BYTECODE = 1
_FILTERS = {"local": (2, 3), "remote": (4, 5)}
"""INET_DIAG_BC_S_GE and S_LE, D_GE and D_LE: at least and at most this port. Kernels before 5.10 have no "equal"."""

_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBxI48x")
_ATTRIBUTE = struct.Struct("=HH")
_OPERATION = struct.Struct("=BBH")
_ERROR = struct.Struct("=i")

# nlmsghdr, then inet_diag_msg: family, state, (timer, retrans), ports, addresses, (interface, cookie, expires),
# rqueue, wqueue, (uid), inode. Ports are big-endian. Attributes of varying length follow.
_SOCKET = "=I12x BBxx HH16s16s 4xQ4x II4xI"
_STATE = "=I12x xB6x16s16s 28xI"
_RECEIVE = 1 << 17
"""Bytes: the kernel fills at most 32 KiB at a time, and grows to that once it sees room for it."""

Side = Literal["local", "remote"]


class SockDiag:
    """The TCP sockets of the network namespace in which it was made. Not for use from several threads.

    Raises Unsupported where the kernel does not offer sock_diag.
    """

    def __init__(self) -> None:
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG)
        except OSError as error:
            raise _unsupported(error) from error

    def close(self) -> None:
        self._socket.close()

    def sockets(self, port: int) -> list[SocketInfo]:
        """Every socket whose local or remote port is `port`, the listening ones included, our own left out."""
        sides: tuple[Side, ...] = ("local", "remote")
        rows = ((row, side) for side in sides for row in self._dump(port, side=side, layout=_SOCKET))
        return [_socket_info(row, side) for row, side in rows if not is_own(row[5]) and not is_own(row[6])]

    def listeners(self, port: int) -> list[SocketInfo]:
        """The sockets that listen on `port`."""
        rows = self._dump(port, side="local", layout=_SOCKET, states=_LISTEN)
        return [_socket_info(row, "local") for row in rows]

    def states(self, port: int) -> dict[str, int]:
        """The states of `held`, for who does not ask for our own."""
        return self.held(port)[0]

    def held(self, port: int) -> tuple[dict[str, int], int]:
        """How many sockets with this local port are in each state, and how many of our own a process holds besides.

        LISTEN and states without any are left out. What a process has closed and the kernel alone still brings to its
        end counts under "STATE (orphaned)".
        """
        rows = self._dump(port, side="local", layout=_STATE, states=_ANY_STATE & ~_LISTEN)
        counts: Counter[tuple[int, bool]] = Counter()
        own = 0
        for _, state, local, remote, inode in rows:
            if is_own(remote):
                own += inode != 0
            elif not is_own(local):  # our own end may have been given the very port that the server has elsewhere
                counts[state, inode == 0 and state in _CLOSING] += 1
        named = {
            STATES.get(number, str(number)) + (ORPHANED if orphaned else ""): count
            for (number, orphaned), count in sorted(counts.items())
        }
        return named, own

    def _dump(self, port: int, *, side: Side, layout: str, states: int = _ANY_STATE) -> list[tuple[Any, ...]]:
        """The sockets of both families as tuples of `layout`, whose first item is the message's length."""
        rows: list[tuple[Any, ...]] = []
        for family in (socket.AF_INET, socket.AF_INET6):
            self._socket.send(_request(family, port, side=side, states=states))
            # Read to its end whatever happens to the rows: the kernel refuses a second dump while one is unfinished.
            while _unpack(memoryview(self._socket.recv(_RECEIVE)), layout, rows):
                pass
        return rows


def _unpack(data: memoryview, layout: str, rows: list[tuple[Any, ...]]) -> bool:
    """Append the sockets of one chunk of the kernel's answer; whether more chunks follow."""
    offset = 0
    while offset < len(data):
        length, kind = _HEADER.unpack_from(data, offset)[:2]
        if kind == _NLMSG_DONE:
            return False
        if kind == _NLMSG_ERROR:
            code = -_ERROR.unpack_from(data, offset + _HEADER.size)[0]
            if code == errno.ENOENT:
                return False  # a kernel without IPv6 has no sockets of that family
            raise _unsupported(OSError(code, os.strerror(code)))
        stride = (length + 3) & ~3
        for row in _padded(layout, stride).iter_unpack(data[offset : offset + (len(data) - offset) // stride * stride]):
            if row[0] != length:
                break  # messages of another length begin here
            offset += stride
            rows.append(row)
    return True


def _unsupported(error: OSError) -> Unsupported:
    return Unsupported(
        f"the kernel does not list sockets by sock_diag ({error.strerror}); load the modules inet_diag and tcp_diag"
    )


def _request(family: int, port: int, *, side: Side, states: int) -> bytes:
    at_least, at_most = _FILTERS[side]
    # Two conditional jumps: "no" leads 4 bytes past the end, which rejects the socket (inet_diag_bc_run).
    bytecode = (
        _OPERATION.pack(at_least, 8, 20)
        + _OPERATION.pack(0, 0, port)
        + _OPERATION.pack(at_most, 8, 12)
        + _OPERATION.pack(0, 0, port)
    )
    body = (
        _REQUEST.pack(family, socket.IPPROTO_TCP, 0, states)
        + _ATTRIBUTE.pack(_ATTRIBUTE.size + len(bytecode), _INET_DIAG_REQ_BYTECODE)
        + bytecode
    )
    length = _HEADER.size + len(body)
    return _HEADER.pack(length, _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST_AND_DUMP, 0, 0) + body


@lru_cache(maxsize=64)
def _padded(layout: str, stride: int) -> struct.Struct:
    """The layout, made as long as a whole message, so that messages of equal length unpack in one go."""
    return struct.Struct(f"{layout}{stride - struct.calcsize(layout)}x")


def _socket_info(row: tuple[Any, ...], side: Side) -> SocketInfo:
    _, family, state, local_port, remote_port, local, remote, cookie, rqueue, wqueue, inode = row
    return SocketInfo(
        local=(_address(family, local), socket.ntohs(local_port)),
        remote=(_address(family, remote), socket.ntohs(remote_port)),
        state=STATES.get(state, str(state)),
        rqueue=rqueue,
        wqueue=wqueue,
        inode=inode,
        cookie=cookie,
        side=side,
    )


@lru_cache(maxsize=4096)
def _address(family: int, packed: bytes) -> str:
    """An address as text. A v4-mapped one is given as IPv4, because that is what travels on the wire."""
    if family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, packed[:4])
    if packed.startswith(b"\0" * 10 + b"\xff\xff"):
        return socket.inet_ntop(socket.AF_INET, packed[12:])
    return socket.inet_ntop(socket.AF_INET6, packed)
