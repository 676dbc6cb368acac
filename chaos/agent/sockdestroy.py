"""Killing TCP sockets of other processes: SOCK_DESTROY (sock_diag(7)), as `ss -K` does.

The owner's next call on the socket fails with ECONNABORTED, and its peer is sent an RST. Kernels since 4.9, where they
were built with CONFIG_INET_DIAG_DESTROY; in the network namespace of the caller, who needs CAP_NET_ADMIN there.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import struct
from collections.abc import Sequence
from contextlib import ExitStack, closing

from chaos.agent.own_address import OWN_ADDRESS
from chaos.agent.types import Connection
from chaos.errors import AgentError, Unsupported

__all__ = ["destroy_sockets", "probe_destroy"]

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY, _SOCK_DESTROY = 20, 21
_NLM_F_REQUEST, _NLM_F_ACK = 0x1, 0x4
_NLMSG_ERROR = 2
_ANY_STATE = 0xFFFFFFFF

_HEADER = struct.Struct("=IHHII")
_FAMILY = struct.Struct("=BBBxI")
_ENDS = struct.Struct("!HH16s16s")
_INTERFACE_AND_COOKIE = struct.Struct("=I8s")
_NO_COOKIE = b"\xff" * 8
_STATE_AND_COOKIE = struct.Struct("=xB2x40x8s")
"""What the answer to a look has: inet_diag_msg begins with family and state; the cookie is this very socket's."""
_LISTEN = 10
_ERROR = struct.Struct("=i")
_RECEIVE = 1 << 12


def destroy_sockets(connections: Sequence[Connection]) -> list[bool]:
    """Kill the local end of each connection (local end, remote end); whether there was one.

    Raises Unsupported where the kernel was built without it, and AgentError where it refuses.
    """
    with closing(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG)) as diag:
        return [_destroyed(diag, connection) for connection in connections]


def probe_destroy() -> dict[str, object]:
    """Whether it works here, found out by killing a socket of its own: an Availability's fields."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        # From the suite's own address: what is listed of the machine's sockets meanwhile leaves it out.
        peer = stack.enter_context(socket.create_connection(listener.getsockname(), source_address=(OWN_ADDRESS, 0)))
        ours, _ = listener.accept()
        stack.enter_context(ours)
        try:
            destroy_sockets([(ours.getsockname(), peer.getsockname())])
        except (Unsupported, AgentError) as error:
            reason, _, remedy = str(error).partition("; ")
            return {"available": False, "reason": reason, "remedy": remedy}
    return {"available": True}


def _destroyed(diag: socket.socket, connection: Connection) -> bool:
    # By its cookie: where there is no such connection the kernel takes whatever listens on the port for it.
    found = _ask(diag, _SOCK_DIAG_BY_FAMILY, connection, flags=_NLM_F_REQUEST, cookie=_NO_COOKIE)
    if found is None:
        return False
    state, cookie = _STATE_AND_COOKIE.unpack_from(found, _HEADER.size)
    if state == _LISTEN:
        return False
    return _ask(diag, _SOCK_DESTROY, connection, flags=_NLM_F_REQUEST | _NLM_F_ACK, cookie=cookie) is not None


def _ask(diag: socket.socket, what: int, connection: Connection, *, flags: int, cookie: bytes) -> bytes | None:
    """The kernel's answer on one socket, None where there is no such."""
    (local, local_port), (remote, remote_port) = connection
    addresses = [ipaddress.ip_address(end) for end in (local, remote)]
    family = socket.AF_INET6 if addresses[0].version == 6 else socket.AF_INET
    ends = _ENDS.pack(local_port, remote_port, *(address.packed for address in addresses))
    body = _FAMILY.pack(family, socket.IPPROTO_TCP, 0, _ANY_STATE) + ends + _INTERFACE_AND_COOKIE.pack(0, cookie)
    diag.send(_HEADER.pack(_HEADER.size + len(body), what, flags, 0, 0) + body)
    answer = diag.recv(_RECEIVE)
    if _HEADER.unpack_from(answer)[1] != _NLMSG_ERROR:
        return answer
    code = -_ERROR.unpack_from(answer, _HEADER.size)[0]
    if code in (errno.ENOENT, errno.ESTALE):
        return None
    if code == errno.EOPNOTSUPP:
        raise Unsupported(
            "the kernel cannot kill sockets by sock_diag (SOCK_DESTROY); take one with CONFIG_INET_DIAG_DESTROY"
        )
    if code:
        raise AgentError(
            f"the kernel refused to kill a socket by sock_diag: {os.strerror(code)}; run as root, or where "
            "unprivileged user namespaces are allowed (python -m chaos doctor)"
        )
    return answer
