"""WebSocket connections of our own, for canary, caller and proofs: every option explicit."""

from __future__ import annotations

from websockets.asyncio.client import ClientConnection, connect

from chaos.address import Address
from chaos.probes.tls import stream_options
from chaos.target import Tls

__all__ = ["open_connection"]

_LARGEST_MESSAGE = 1024 * 1024


async def open_connection(
    address: Address,
    path: str,
    *,
    within: float,
    headers: dict[str, str] | None = None,
    subprotocol: str | None = None,
    tls: Tls | None = None,
    connection: type[ClientConnection] = ClientConnection,
) -> ClientConnection:
    """An open connection, of a class of one's own if need be, without proxy look-up, compression or keepalive.

    Raises TimeoutError after `within` seconds, OSError and websockets' own exceptions.
    """
    return await connect(
        address.url("ws" if tls is None else "wss", path),
        additional_headers=headers,
        subprotocols=[subprotocol] if subprotocol else None,  # type: ignore[list-item]  # a NewType of str
        create_connection=connection,
        proxy=None,
        compression=None,
        ping_interval=None,
        close_timeout=within,
        open_timeout=within,
        max_size=_LARGEST_MESSAGE,
        max_queue=64,
        **stream_options(tls, within=within),
    )
