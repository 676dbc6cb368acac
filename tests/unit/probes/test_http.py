"""One GET with a deadline: what a server answers is told as it is, and what is no whole answer is none."""

from __future__ import annotations

import asyncio
import time

import pytest

from chaos.probes import http
from chaos.probes.http import Answer, get
from tests.unit.crowd.servers import Peer, raw_server, reset, unused_port
from tests.unit.probes.answering import answering, with_body

PATIENCE = 2.0
SHORT = 0.1
"""Seconds of a deadline that a test waits for."""


async def ask(*pieces: bytes) -> Answer:
    async with answering(*pieces) as address:
        return await get(address, "/stats", within=PATIENCE)


async def fail(*pieces: bytes) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the whole message is compared
        await ask(*pieces)
    return str(caught.value)


async def test_status_and_body() -> None:
    assert await ask(with_body(b"hello")) == Answer(200, b"hello")
    assert await ask(with_body(b"", status="503 Service Unavailable")) == Answer(503, b"")
    assert await ask(b"HTTP/1.0 404\r\n\r\ngone") == Answer(404, b"gone")


async def test_the_request_asks_for_one_answer_and_the_end() -> None:
    requests: list[bytes] = []
    async with answering(with_body(b""), requests=requests) as address:
        await get(address, "/stats?all=1", within=PATIENCE)
    assert requests == [
        f"GET /stats?all=1 HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAccept: */*\r\n\r\n".encode()
    ]


async def test_an_answer_in_pieces() -> None:
    whole = with_body(b"x" * 1000)
    assert await ask(*(whole[at : at + 7] for at in range(0, len(whole), 7))) == Answer(200, b"x" * 1000)


@pytest.mark.parametrize(
    ("body", "whole"),
    [
        (b"0\r\n\r\n", b""),
        (b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
        (b"5\r\nhello\r\n6; quality=good\r\n world\r\n0\r\n\r\n", b"hello world"),
        (b"A\r\n0123456789\r\n0\r\nTrailer: yes\r\n\r\n", b"0123456789"),
        (b"4\r\n\r\n\r\n\r\n0\r\n\r\n", b"\r\n\r\n"),
    ],
)
async def test_a_chunked_body_is_put_together(body: bytes, whole: bytes) -> None:
    answer = await ask(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n" + body)
    assert answer == Answer(200, whole)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "its end is missing"),
        (b"5\r\nhello\r\n", "its end is missing"),
        (b"5\r\nhel", "its end is missing"),
        (b"5", "its end is missing"),
        (b"five\r\nhello\r\n0\r\n\r\n", "b'five' is no length"),
        (b"-1\r\nhello\r\n0\r\n\r\n", "b'-1' is no length"),
        (b"\r\nhello\r\n0\r\n\r\n", "b'' is no length"),
        (b"3\r\nhello\r\n0\r\n\r\n", "a chunk is longer than it says"),
    ],
)
async def test_a_chunked_body_that_is_not_whole(body: bytes, problem: str) -> None:
    """A figure that is cut off reads as a smaller figure."""
    assert await fail(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body) == (
        f"a chunked answer that is not whole: {problem}"
    )


async def test_a_body_that_ends_before_its_length() -> None:
    assert await fail(b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\nconnections 1") == (
        "an answer that is not whole: 13 bytes of 14"
    )


async def test_what_follows_the_body_is_not_part_of_it() -> None:
    assert await ask(with_body(b"12") + b"3") == Answer(200, b"12")


async def test_a_length_that_is_none() -> None:
    assert await fail(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n") == "not an HTTP length: 'many'"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n",
        b"HTTP/1.1\r\n\r\n",
    ],
)
async def test_what_is_not_http(answer: bytes) -> None:
    assert await fail(answer) == f"not an HTTP answer: {answer[:60]!r}"


async def test_an_answer_that_never_ends_is_given_up() -> None:
    async def drip(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await peer.send(b"x")
            await asyncio.sleep(SHORT / 10)

    async with raw_server(drip) as address:
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            await get(address, "/", within=SHORT)
        assert time.monotonic() - began >= SHORT


async def test_silence_is_given_up() -> None:
    async def listen(peer: Peer) -> None:
        await peer.reader.read()

    async with raw_server(listen) as address:
        with pytest.raises(TimeoutError):
            await get(address, "/", within=SHORT)


async def test_an_answer_beyond_all_measure_is_not_taken_for_a_short_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_LARGEST", 1000)
    assert await ask(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 900) == Answer(200, b"x" * 900)
    assert await fail(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2000) == "an answer of more than 1000 bytes"


async def test_nobody_there() -> None:
    with unused_port() as address, pytest.raises(ConnectionRefusedError):
        await get(address, "/", within=PATIENCE)


async def test_a_connection_that_breaks() -> None:
    async with answering(b"HTTP/1.1 200 OK\r\n", end=reset) as address:
        with pytest.raises(ConnectionResetError):
            await get(address, "/", within=PATIENCE)


async def test_its_connection_is_over_when_it_returns() -> None:
    ends: list[bytes] = []

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(with_body(b"hello"))
        peer.writer.write_eof()
        ends.append(await peer.reader.read())

    async with raw_server(script) as address:
        await get(address, "/", within=PATIENCE)
        async with asyncio.timeout(PATIENCE):
            while not ends:  # noqa: ASYNC110  # the server's own script notes it
                await asyncio.sleep(SHORT / 10)
    assert ends == [b""]
