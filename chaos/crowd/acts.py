"""What a client can do to its server: each act on one open client, as soon as it is called.

What an act does to TCP is what the server's kernel sees, as long as nothing stands in between: a proxy turns an RST
into a FIN and a half-close into a full one.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Callable

from websockets.frames import Frame, Opcode

from chaos.crowd.client import Client
from chaos.crowd.connection import Connection
from chaos.crowd.tls import TlsTransport
from chaos.errors import CrowdError

__all__ = [
    "Act",
    "begin_frame",
    "begin_message",
    "begin_record",
    "close",
    "drop",
    "fin",
    "grow_pong_delay",
    "half_close",
    "hold_back",
    "hold_on",
    "mute_keep_alive",
    "reset",
    "resume",
    "silence",
    "stall",
]

Act = Callable[[Client], None]

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER on, for 0 seconds: close() drops what is unsent and sends RST in place of FIN."""

_DRAIN = 256 * 1024
"""Bytes read and forgotten at a time."""

_BEGINNING = b"the rest will never come"
"""Payload of what is begun and not finished: short enough for the 7 bits of length that every server knows."""


def close(client: Client, code: int) -> None:
    """Begin the close handshake with `code`, whatever state the client is in.

    A client that was silent or half-closed cannot shake hands: its TCP connection is closed at once.
    """
    connection = _connection(client)
    resume(client)
    if connection.usable:
        connection.start_closing(code)
    elif not connection.closing:
        fin(client)


def reset(client: Client) -> None:
    """RST: the client crashed with data unread, or its host came back without memory of the connection."""
    _vanish(client, "reset")


def drop(client: Client) -> None:
    """Forget the connection. A kernel rule must already drop its packets: the one RST that this sends is eaten by it.

    A FIN would be sent again for minutes and arrive when the rule is taken away; an RST is sent once. Without the
    rule this is `reset`.
    """
    _vanish(client, "drop")


def fin(client: Client) -> None:
    """FIN without a close frame, and both directions closed: the client's process ended in good order.

    What the server sends afterwards is answered with RST by the kernel, as for any process that has ended.
    """
    connection = _connection(client)
    connection.ending("eof")
    if connection.transport is not None:
        # close() with bytes unread sends RST in place of FIN. A connection that the server has just reset can neither
        # be shut down nor read; its end is there already.
        with contextlib.suppress(OSError):
            found = connection.transport.get_extra_info("socket")
            found.shutdown(socket.SHUT_WR)
            while os.read(found.fileno(), _DRAIN):
                pass
        connection.transport.abort()


def half_close(client: Client) -> None:
    """FIN without a close frame, and go on reading: what the server does then is the end that is recorded.

    Over TLS without close_notify as well: it is TCP that is half closed.
    """
    connection = _connection(client)
    connection.ending("close")
    if connection.writable and connection.transport is not None:
        connection.eof_sent = True
        connection.transport.write_eof()


def begin_frame(client: Client) -> None:
    """Write a frame's header and half of its payload, and nothing any more: a pong would be taken for the rest."""
    whole = Frame(Opcode.TEXT, _BEGINNING).serialize(mask=True)
    _connection(client).write_last(whole[: -len(_BEGINNING) // 2])


def begin_message(client: Client) -> None:
    """Write the first fragment of a message, and nothing any more."""
    _connection(client).write_last(Frame(Opcode.TEXT, _BEGINNING, fin=False).serialize(mask=True))


def begin_record(client: Client) -> None:
    """Write half of a TLS record, which holds a whole frame, and nothing any more.

    Raises CrowdError for a client that speaks no TLS.
    """
    connection = _connection(client)
    if not isinstance(connection.transport, TlsTransport):
        raise CrowdError(f"client {client.index} speaks no TLS, so it has no record to begin")
    if connection.usable:
        connection.transport.begin_record(Frame(Opcode.TEXT, _BEGINNING).serialize(mask=True))
    connection.silent = connection.torn = True


def silence(client: Client) -> None:
    """Write nothing any more: no message, no pong, no close frame. What arrives is read and acknowledged.

    Where the dialect has a heartbeat of its own, that is not answered, and WebSocket's pings are.
    The client's end of TCP is closed only after the server's.
    """
    _connection(client).silent = True


def grow_pong_delay(client: Client, step: float, most: float) -> None:
    """Answer the next ping `step` seconds late, each one after it by as much later, and all after `most` seconds late.

    The pongs keep coming: what grows is the age of the pings that they answer.
    """
    connection = _connection(client)
    connection.pong_growth, connection.most_pong_growth = step, most


def stall(client: Client) -> None:
    """Read nothing any more: the receive buffer fills up and the TCP window closes.

    Pings stay unread and thus unanswered. Messages and keep-alive exchanges are still sent; mute them where the
    server should not hear of the client.
    """
    connection = _connection(client)
    if connection.transport is not None:
        connection.transport.pause_reading()
        connection.stalled = True


def resume(client: Client) -> None:
    """Undo `silence` and `stall`. What was not written while silent is never written."""
    connection = _connection(client)
    connection.silent = False
    if connection.stalled and connection.transport is not None:
        connection.stalled = False
        connection.transport.resume_reading()


def hold_back(client: Client) -> None:
    """Leave the client's part in the end undone: the server's close frame will not be answered, and its FIN not be
    followed by ours. Until then it is a client like any other."""
    _connection(client).holding = True


def hold_on(client: Client, code: int) -> None:
    """Begin the close handshake with `code`, and never end TCP, which the server's answer does not end either."""
    connection = _connection(client)
    connection.holding = True
    if connection.usable:
        connection.start_closing(code)


def mute_keep_alive(client: Client, *, muted: bool) -> None:
    """Stop making keep-alive exchanges, or begin again."""
    client.muted = muted


def _vanish(client: Client, how: str) -> None:
    connection = _connection(client)
    connection.ending(how)
    if connection.transport is not None:
        connection.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        connection.transport.abort()


def _connection(client: Client) -> Connection:
    assert client.connection is not None, "acts are for clients that are connected"
    return client.connection
