from __future__ import annotations

import asyncio

import pytest

from chaos.links.embedded.http.body import Body, BodyReader
from chaos.links.embedded.http.message import MalformedRequest, RequestHead, parse_head


def head(*headers: str, version: str = "1.1") -> RequestHead:
    return parse_head("\r\n".join((f"POST / HTTP/{version}", "Host: x", *headers)).encode())


async def read(wanted: RequestHead, sent: bytes) -> tuple[bytes, str, bytes]:
    """Body, error, and what is left for the next request."""
    stream = asyncio.StreamReader()
    stream.feed_data(sent)
    stream.feed_eof()
    body = Body()
    await BodyReader(wanted).read(stream, body)
    return bytes(body.data), body.error, await stream.read()


CHUNKED = "Transfer-Encoding: chunked"


@pytest.mark.parametrize(
    ("headers", "sent", "expected"),
    [
        ((), b"next", (b"", "", b"next")),
        (("Content-Length: 2",), b"{}next", (b"{}", "", b"next")),
        (("Content-Length: 2", "Content-Length: 2"), b"{}", (b"{}", "", b"")),
        (("Content-Length: 5",), b"{}", (b"{}", "unexpected EOF", b"")),
        ((CHUNKED,), b"1;x=y\r\n{\r\n1\r\n}\r\n0\r\nTrailer: x\r\n\r\nnext", (b"{}", "", b"next")),
        ((CHUNKED, "Content-Length: 9"), b"2\r\n{}\r\n0\r\n\r\n", (b"{}", "", b"")),
        (("Transfer-Encoding: Chunked",), b"0\r\n\r\n", (b"", "", b"")),
        ((CHUNKED,), b"5\r\n{}", (b"{}", "unexpected EOF", b"")),
        ((CHUNKED,), b"zz\r\n", (b"", "invalid byte in chunk length", b"")),
        ((CHUNKED,), b"2\r\n{}xx0\r\n\r\n", (b"{}", "malformed chunked encoding", b"0\r\n\r\n")),
        ((CHUNKED,), b"FFFFFFFFFFFFFFFFF\r\n", (b"", "http chunk length too large", b"")),
        ((CHUNKED,), b"7FFFFFFF\r\n", (b"", "http chunk length too large", b"")),
    ],
)
async def test_reads(headers: tuple[str, ...], sent: bytes, expected: tuple[bytes, str, bytes]):
    assert await read(head(*headers), sent) == expected


async def test_chunks_are_not_for_http_1_0():
    assert await read(head(CHUNKED, version="1.0"), b"2\r\n{}") == (b"", "", b"2\r\n{}")


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        (("Content-Length: x",), "400 Bad Request"),
        (("Content-Length: -1",), "400 Bad Request"),
        (("Content-Length: +2",), "400 Bad Request"),
        (("Content-Length: ",), "400 Bad Request"),
        (("Content-Length: 2", "Content-Length: 3"), "400 Bad Request"),
        (("Content-Length: 99999999",), "413 Request Entity Too Large"),
        (("Transfer-Encoding: gzip",), "Unsupported transfer encoding"),
        (("Transfer-Encoding: gzip, chunked",), "Unsupported transfer encoding"),
    ],
)
def test_nonsense_is_refused(headers: tuple[str, ...], answer: str):
    with pytest.raises(MalformedRequest) as caught:
        BodyReader(head(*headers))
    assert caught.value.body == answer
