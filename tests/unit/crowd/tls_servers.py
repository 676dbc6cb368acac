"""Servers that speak TLS for the crowd's tests: a real one, and a raw one whose end of TLS and TCP is the test's."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

from websockets.asyncio.server import serve

from chaos.address import Address

from .servers import Peer, echo, raw_server

__all__ = ["CutShort", "SecurePeer", "secure_echo", "secure_server"]


class CutShort(Exception):
    """TCP has ended, and no close_notify came before it."""


class SecurePeer:
    """The server's end of one TLS connection."""

    def __init__(self, peer: Peer, context: ssl.SSLContext) -> None:
        self.tcp = peer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    async def shake_hands(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._take_in()
            else:
                await self._flush()
                return

    async def upgrade(self) -> None:
        """Take the request and answer it with a 101."""
        head = b""
        while b"\r\n\r\n" not in head:
            head += await self.read()
        self.tcp.head = head
        await self.send(self.tcp.accept())

    async def read(self) -> bytes:
        """What comes next; empty for close_notify. Raises CutShort, and ConnectionResetError for RST."""
        while True:
            try:
                return self._tls.read(65536)
            except ssl.SSLZeroReturnError:  # after a close_notify of our own
                return b""
            except ssl.SSLWantReadError:
                await self._take_in()

    async def send(self, data: bytes) -> None:
        self._tls.write(data)
        await self._flush()

    async def notify(self) -> None:
        """Send close_notify, and leave TCP as it is."""
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        await self._flush()

    async def _take_in(self) -> None:
        data = await self.tcp.reader.read(65536)
        if not data:
            raise CutShort
        self._incoming.write(data)

    async def _flush(self) -> None:
        await self.tcp.send(self._outgoing.read())


@contextlib.asynccontextmanager
async def secure_server(
    context: ssl.SSLContext, script: Callable[[SecurePeer], Awaitable[None]]
) -> AsyncIterator[Address]:
    """A server that shakes hands and then runs `script` on each connection."""

    async def run(peer: Peer) -> None:
        secure = SecurePeer(peer, context)
        await secure.shake_hands()
        await script(secure)

    async with raw_server(run) as address:
        yield address


@contextlib.asynccontextmanager
async def secure_echo(context: ssl.SSLContext) -> AsyncIterator[Address]:
    """A server of the `websockets` library on asyncio's own TLS."""
    async with serve(
        echo, "127.0.0.1", 0, ssl=context, compression=None, ping_interval=None, close_timeout=1, open_timeout=5
    ) as server:
        yield Address("127.0.0.1", server.sockets[0].getsockname()[1])
