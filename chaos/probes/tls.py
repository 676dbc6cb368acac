"""TLS as every client of ours speaks it: by the target's name and certificates, whatever address it is reached at."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import ssl
from typing import TypedDict

from chaos.target import Tls

__all__ = ["StreamOptions", "Streams", "client_context", "end", "stream_options", "streams_over", "wrapped"]


class StreamOptions(TypedDict, total=False):
    """What asyncio and websockets have to be told to speak TLS; nothing where the server speaks none."""

    ssl: ssl.SSLContext
    server_hostname: str
    ssl_handshake_timeout: float


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@functools.cache
def client_context(tls: Tls) -> ssl.SSLContext:
    """Once a process for each target: reading the certificates of this machine takes some 20 ms.

    Raises OSError for certificates that cannot be read.
    """
    if tls.verify:
        return ssl.create_default_context(cafile=tls.ca)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def stream_options(tls: Tls | None, *, within: float) -> StreamOptions:
    """For `asyncio.open_connection` and `websockets.connect`; the handshake may take `within` seconds."""
    if tls is None:
        return {}
    return {"ssl": client_context(tls), "server_hostname": tls.server_name, "ssl_handshake_timeout": within}


async def streams_over(made: socket.socket, options: StreamOptions) -> Streams:
    """A stream over a connected socket, which is the stream's from now on, also where it never comes to be.

    Whoever calls `asyncio.open_connection` off in the middle of a TLS handshake, or right after it, gets neither a
    stream nor a closed socket (3.11): its transport goes on reading the descriptor that the next socket is given, on
    which the loop then refuses to do anything. So it is left to come to its end. Raises OSError.
    """
    opening = asyncio.ensure_future(asyncio.open_connection(sock=made, **options))
    try:
        return await asyncio.shield(opening)
    except BaseException:
        with contextlib.suppress(OSError):
            made.shutdown(socket.SHUT_RDWR)  # a handshake under way fails of it at once
        opening.add_done_callback(functools.partial(_leave, made))
        raise


def _leave(made: socket.socket, opening: asyncio.Future[Streams]) -> None:
    """Close what nobody waits for any more."""
    if opening.cancelled() or opening.exception() is not None:
        made.close()
    else:
        end(opening.result()[1])


def wrapped(connection: socket.socket, tls: Tls) -> ssl.SSLSocket:
    """A connected, blocking socket that has shaken hands, within its own timeout. Raises OSError; it is closed then."""
    try:
        return client_context(tls).wrap_socket(connection, server_hostname=tls.server_name)
    except BaseException:
        connection.close()
        raise


def end(writer: asyncio.StreamWriter) -> None:
    """Close now, over TLS as well: there asyncio waits for the server's goodbye, and one that hangs says none."""
    if not writer.is_closing():
        writer.close()
    if not writer.can_write_eof():  # which is how asyncio's TLS is known, also once it is over
        writer.transport.abort()
