"""Plain and in TLS: what is written arrives, what comes is heard, and TCP's end is the end."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from socket import AF_INET, SO_LINGER, SOCK_STREAM, SOL_SOCKET, socket

import pytest

from chaos.hostile.channel import Channel, PlainChannel, TlsChannel, channel_on
from chaos.target import Tls
from tests.unit.faults.secure import known_by

WITHIN = 5.0
LARGE = bytes(range(256)) * 1024
"""A quarter of a megabyte: more than a record, and than a kernel takes at once."""

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def connected(talk: Talk, tls: Tls | None, context: ssl.SSLContext | None) -> AsyncIterator[Channel]:
    """A client's channel to a server that talks so."""
    ended = asyncio.Event()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()
            ended.set()

    server = await asyncio.start_server(converse, "127.0.0.1", 0, ssl=context)
    made = socket(AF_INET, SOCK_STREAM)
    made.setblocking(False)
    try:
        async with asyncio.timeout(WITHIN):
            await asyncio.get_running_loop().sock_connect(made, server.sockets[0].getsockname())
            yield channel_on(made, tls)
    finally:
        made.close()
        server.close()


@pytest.fixture(params=["plain", "tls"])
def way(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Tls | None, ssl.SSLContext | None]:
    return (None, None) if request.param == "plain" else known_by(tmp_path)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.readexactly(len(LARGE)))
    await writer.drain()


async def test_what_is_sent_comes_back_and_then_the_end(way: tuple[Tls | None, ssl.SSLContext | None]) -> None:
    async with connected(echo, *way) as channel:
        assert isinstance(channel, PlainChannel if way[0] is None else TlsChannel)
        await channel.begin()
        sending = asyncio.create_task(channel.send(LARGE))
        heard = b""
        while more := await channel.receive():
            heard += more
        await sending
        assert heard == LARGE
        assert await channel.receive() == b""


async def test_what_has_come_is_taken_in_without_a_wait(way: tuple[Tls | None, ssl.SSLContext | None]) -> None:
    told = asyncio.Event()

    async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"first ")
        await reader.readexactly(1)
        writer.write(b"second")
        await writer.drain()
        told.set()
        await reader.read()

    async with connected(tell, *way) as channel:
        await channel.begin()
        assert await channel.receive() == b"first "
        assert channel.take_in() == b""
        await channel.send(b"x")
        await told.wait()
        heard = b""
        while len(heard) < len(b"second"):
            heard += channel.take_in()
            await asyncio.sleep(0)
        assert heard == b"second"


async def test_a_server_that_ends_the_handshake(tmp_path: Path) -> None:
    tls, _ = known_by(tmp_path)

    async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 0, 0))
        await reader.read(65536)

    async with connected(end, tls, None) as channel:
        with pytest.raises(OSError, match=r"^it ended the connection in the handshake of TLS$|reset by peer"):
            await channel.begin()


async def test_a_certificate_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (mine, theirs) = (tmp_path / "mine", tmp_path / "theirs")
    mine.mkdir()
    theirs.mkdir()
    tls, _ = known_by(mine)
    _, context = known_by(theirs)
    async with connected(echo, tls, context) as channel:
        with pytest.raises(ssl.SSLCertVerificationError):
            await channel.begin()
