"""Servers for the crowd's tests: a real one, and a raw one that does whatever a test writes down."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass

from websockets.asyncio.server import ServerConnection, serve

from chaos.address import Address

__all__ = [
    "Peer",
    "close_frame",
    "echo",
    "frame",
    "full_port",
    "raw_server",
    "reset",
    "unused_port",
    "websocket_server",
]

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


async def echo(connection: ServerConnection) -> None:
    """Answer every message with itself."""
    async for message in connection:
        await connection.send(message)


@contextlib.asynccontextmanager
async def websocket_server(
    handler: Callable[[ServerConnection], Awaitable[None]] = echo,
    *,
    host: str = "127.0.0.1",
    subprotocols: list[str] | None = None,
) -> AsyncIterator[Address]:
    """A server of the `websockets` library with nothing but what RFC 6455 asks for."""
    async with serve(
        handler,
        host,
        0,
        compression=None,
        ping_interval=None,
        close_timeout=1,
        open_timeout=5,
        max_queue=16,
        backlog=1024,
        subprotocols=subprotocols,  # type: ignore[arg-type]  # a NewType of str
    ) as server:
        yield Address(host, server.sockets[0].getsockname()[1])


@dataclass(slots=True)
class Peer:
    """The server's end of one raw TCP connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    head: bytes = b""

    async def request(self) -> bytes:
        """The upgrade request."""
        self.head = await self.reader.readuntil(b"\r\n\r\n")
        return self.head

    def accept(self, *, key: bytes | None = None) -> bytes:
        """The 101 that answers the request (or one for another `key`)."""
        if key is None:
            key = next(
                line.split(b":")[1].strip()
                for line in self.head.split(b"\r\n")
                if line.lower().startswith(b"sec-websocket-key")
            )
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
        return (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    async def upgrade(self) -> None:
        """Take the request and answer it with a 101."""
        await self.request()
        self.writer.write(self.accept())
        await self.writer.drain()

    async def frame(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame, unmasked. Raises IncompleteReadError at EOF."""
        first, second = await self.reader.readexactly(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", await self.reader.readexactly(2))
        assert second & 0x80, "a client masks its frames"
        mask = await self.reader.readexactly(4)
        payload = await self.reader.readexactly(length)
        return first & 0x0F, bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    @property
    def socket(self) -> socket.socket:
        found: socket.socket = self.writer.get_extra_info("socket")
        return found


def frame(opcode: int, payload: bytes = b"", *, first: int = 0x80) -> bytes:
    """A server's frame; `first` holds the FIN and reserved bits."""
    head = bytes([first | opcode])
    if len(payload) < 126:
        return head + bytes([len(payload)]) + payload
    if len(payload) < 65536:
        return head + b"\x7e" + struct.pack("!H", len(payload)) + payload
    return head + b"\x7f" + struct.pack("!Q", len(payload)) + payload


def close_frame(code: int, reason: str = "") -> bytes:
    return frame(CLOSE, struct.pack("!H", code) + reason.encode())


def reset(peer: Peer) -> None:
    """End the connection with RST."""
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    peer.writer.transport.abort()


@contextlib.asynccontextmanager
async def raw_server(script: Callable[[Peer], Awaitable[None]]) -> AsyncIterator[Address]:
    """A TCP server that runs `script` on each connection; what a script raises fails the test."""
    scripts: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        scripts.add(asyncio.get_running_loop().create_task(_run(script, Peer(reader, writer))))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield Address("127.0.0.1", server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in scripts:
            task.cancel()
        results = await asyncio.gather(*scripts, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)
        for result in results:
            if isinstance(result, Exception):
                raise result


async def _run(script: Callable[[Peer], Awaitable[None]], peer: Peer) -> None:
    await script(peer)


@contextlib.contextmanager
def unused_port() -> Iterator[Address]:
    """A port that is taken and on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield Address("127.0.0.1", taken.getsockname()[1])


@contextlib.contextmanager
def full_port() -> Iterator[Address]:
    """A port whose accept queue is full: the kernel drops every further SYN."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        address = listening.getsockname()
        # A backlog of 0 holds one connection; the second waits for its third packet to be taken, for ever.
        for _ in range(2):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(address)
        yield Address("127.0.0.1", address[1])
