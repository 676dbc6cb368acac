"""A connection that is asked again and again: kept as long as the server keeps it, and never answered by another's."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import pytest

from chaos.address import Address
from chaos.probes.http import Answer
from chaos.probes.kept import KeptConnection
from tests.unit.crowd.servers import Peer, raw_server, reset, unused_port
from tests.unit.probes.answering import with_body

PATIENCE = 2.0
SHORT = 0.1
"""Seconds of a deadline that a test waits for."""

Script = Callable[[Peer], Awaitable[None]]


@contextlib.asynccontextmanager
async def kept(script: Script) -> AsyncIterator[tuple[KeptConnection, list[Peer]]]:
    """A kept connection to a server that runs `script` on each connection, and the server's ends."""
    peers: list[Peer] = []

    async def remember(peer: Peer) -> None:
        peers.append(peer)
        await script(peer)

    async with raw_server(remember) as address:
        made = KeptConnection(address, partial(asyncio.open_connection, address.host, address.port))
        try:
            async with asyncio.timeout(PATIENCE):
                yield made, peers
        finally:
            made.close()


def answering(*answers: bytes, end: Callable[[Peer], None] | None = None) -> Script:
    """Answer one request after the other, then do nothing more, or `end`."""

    async def script(peer: Peer) -> None:
        for answer in answers:
            await peer.request()
            await peer.send(answer)
        if end is not None:
            end(peer)

    return script


def close(peer: Peer) -> None:
    peer.writer.close()


async def ended(peer: Peer) -> bool:
    """Whether the client has ended this connection."""
    return await peer.reader.read() == b""


async def test_one_connection_for_all_questions() -> None:
    async with kept(answering(with_body(b"1"), with_body(b"2"), with_body(b"3"))) as (connection, peers):
        assert [(await connection.get("/stats")).body for _ in range(3)] == [b"1", b"2", b"3"]
        assert len(peers) == 1


async def test_the_request_leaves_the_connection_open() -> None:
    async with kept(answering(with_body(b""))) as (connection, peers):
        await connection.get("/stats?all=1")
        (peer,) = peers
        host, port = peer.writer.get_extra_info("sockname")
        assert peer.head == f"GET /stats?all=1 HTTP/1.1\r\nHost: {Address(host, port)}\r\nAccept: */*\r\n\r\n".encode()


@pytest.mark.parametrize(
    "answer",
    [
        with_body(b"x", headers="Connection: close\r\n"),
        with_body(b"x", headers="connection: Upgrade, Close\r\n"),
        b"HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\nx",
    ],
)
async def test_a_server_that_ends_each_connection_is_asked_on_new_ones(answer: bytes) -> None:
    async with kept(answering(answer)) as (connection, peers):
        for number in range(1, 4):
            assert await connection.get("/") == Answer(200, b"x")
            assert len(peers) == number
            assert await ended(peers[-1])  # by us, who were told that it is over


async def test_an_answer_without_a_length_lasts_until_the_end() -> None:
    async with kept(answering(b"HTTP/1.1 200 OK\r\n\r\nhello", end=close)) as (connection, peers):
        assert await connection.get("/") == await connection.get("/") == Answer(200, b"hello")
        assert len(peers) == 2


@pytest.mark.parametrize("answer", [b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\ncontent-length: 0\r\n\r\n"])
async def test_http_1_0_may_keep_it_too(answer: bytes) -> None:
    async with kept(answering(answer, answer)) as (connection, peers):
        assert await connection.get("/") == await connection.get("/") == Answer(200, b"")
        assert len(peers) == 1


async def test_chunks_end_with_the_answer_and_not_with_the_connection() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nTrailer: yes\r\n\r\n"
    async with kept(answering(chunked, chunked)) as (connection, peers):
        assert await connection.get("/") == await connection.get("/") == Answer(200, b"abc")
        assert len(peers) == 1


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
async def test_an_answer_that_has_no_body_is_not_waited_for(status: str) -> None:
    async with kept(answering(f"HTTP/1.1 {status}\r\n\r\n".encode())) as (connection, _):
        assert await connection.get("/") == Answer(int(status[:3]), b"")


@pytest.mark.parametrize("end", [close, reset])
async def test_a_connection_that_the_server_ended_meanwhile_is_made_anew(end: Callable[[Peer], None]) -> None:
    async with kept(answering(with_body(b"x"), end=end)) as (connection, peers):
        await connection.get("/")
        peers[0].writer.close()
        await peers[0].writer.wait_closed()
        assert await connection.get("/") == Answer(200, b"x")
        assert len(peers) == 2


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(b"", id="by its end"),
        pytest.param(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\ncontent-length: 0\r\n\r\n", id="by a 408"),
    ],
)
async def test_a_connection_that_ends_while_it_is_asked_is_made_anew(last: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(with_body(b"x"))
        await peer.request()
        await peer.send(last)
        peer.writer.close()

    async with kept(script) as (connection, peers):
        await connection.get("/")
        assert await connection.get("/") == Answer(200, b"x")
        assert len(peers) == 2


async def test_a_new_connection_that_ends_without_an_answer_is_not_tried_again() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.writer.close()

    async with kept(script) as (connection, peers):
        with pytest.raises(ValueError, match=r"^not an HTTP answer: b''$"):
            await connection.get("/")
        assert len(peers) == 1


async def test_an_answer_that_comes_too_late_is_not_the_next_one_s() -> None:
    late = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        if not late.is_set():
            await late.wait()
            await peer.send(with_body(b"old"))
        else:
            await peer.send(with_body(b"new"))

    async with kept(script) as (connection, peers):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SHORT):
                await connection.get("/")
        late.set()
        assert await connection.get("/") == Answer(200, b"new")
        assert len(peers) == 2


async def test_after_an_answer_that_is_none_it_is_made_anew() -> None:
    async with kept(answering(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")) as (connection, peers):
        for number in (1, 2):
            with pytest.raises(ValueError, match=r"^not an HTTP answer: b'SSH"):
                await connection.get("/")
            assert len(peers) == number


async def test_closing_ends_it_and_the_next_question_opens_another() -> None:
    async with kept(answering(with_body(b"x"))) as (connection, peers):
        await connection.get("/")
        connection.close()
        connection.close()
        assert await ended(peers[0])
        assert await connection.get("/") == Answer(200, b"x")
        assert len(peers) == 2


async def test_nobody_there() -> None:
    with unused_port() as address:
        connection = KeptConnection(address, partial(asyncio.open_connection, address.host, address.port))
        with pytest.raises(ConnectionRefusedError):
            await connection.get("/")


async def test_a_head_that_waits_for_its_acknowledgement_does_not_keep_the_body_back() -> None:
    """A server with Nagle's algorithm on, which writes head and body apart: 44 ms an answer, were it not for us."""

    async def script(peer: Peer) -> None:
        peer.socket.setsockopt(6, 1, 0)  # TCP_NODELAY off
        while await peer.request():
            peer.writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n")
            await asyncio.sleep(0)
            peer.writer.write(b"body")

    async with kept(script) as (connection, _):
        await connection.get("/")  # the kernel acknowledges the first ones at once anyway
        took = []
        for _ in range(20):
            began = time.monotonic()
            await connection.get("/")
            took.append(time.monotonic() - began)
            await asyncio.sleep(0)
    # The kernel delays an acknowledgement by 40 ms at least (TCP_DELACK_MIN); half of them took 0.4 ms or less.
    assert sorted(took)[len(took) // 2] < 0.04
