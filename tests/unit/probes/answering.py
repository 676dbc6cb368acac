"""A TCP server that answers every request with bytes that a test wrote down."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from chaos.address import Address
from tests.unit.crowd.servers import Peer, raw_server

__all__ = ["answering", "with_body"]


@contextlib.asynccontextmanager
async def answering(
    *pieces: bytes, end: Callable[[Peer], None] | None = None, requests: list[bytes] | None = None
) -> AsyncIterator[Address]:
    """Send the pieces one by one, then end the connection with FIN, or as `end` does."""

    async def script(peer: Peer) -> None:
        head = await peer.request()
        if requests is not None:
            requests.append(head)
        for piece in pieces:
            await peer.send(piece)
            await asyncio.sleep(0)
        if end is not None:
            end(peer)
        else:
            peer.writer.close()

    async with raw_server(script) as address:
        yield address


def with_body(body: bytes, *, status: str = "200 OK", headers: str = "") -> bytes:
    """A whole answer that says how long its body is."""
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{headers}\r\n".encode() + body
