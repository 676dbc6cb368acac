"""TCP connections opened in the agent's network namespace, to be handed out."""

from __future__ import annotations

import asyncio
import os
import socket

from chaos.errors import AgentError

__all__ = ["connect"]


async def connect(
    host: str, port: int, *, timeout: float, source_host: str | None = None, receive_buffer: int | None = None
) -> socket.socket:
    """A connected, non-blocking TCP socket of this namespace.

    `receive_buffer` (bytes) is set before the handshake, because the window scale is agreed there. Raises AgentError
    that names the address and what went wrong.
    """
    connection = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source_host is not None:
            connection.bind((source_host, 0))
        await asyncio.wait_for(asyncio.get_running_loop().sock_connect(connection, (host, port)), timeout)
    except TimeoutError as error:
        connection.close()
        raise AgentError(f"no answer from {host} port {port} within {timeout:g} s") from error
    except OSError as error:
        connection.close()
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise AgentError(f"cannot connect to {host} port {port}: {reason}") from error
    except asyncio.CancelledError:
        connection.close()
        raise
    return connection
