from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chaos.links.embedded.http.message import Request, Response
from chaos.links.embedded.http.server import HttpServer, Limits

from ..peers import DEADLINE, listener

SHORT = 0.05
"""Seconds: a limit that is waited out."""


async def answer(request: Request) -> Response:
    """Says what it got; hangs on request."""
    if request.head.path == "/hang":
        await asyncio.Event().wait()
    if request.head.path == "/nothing":
        return Response(204)
    return Response(200, (("X-Error", request.body_error),), request.head.method.encode() + b" " + request.body)


@asynccontextmanager
async def serving(limits: Limits | None = None) -> AsyncIterator[int]:
    server = HttpServer(answer, limits=limits)
    sock = listener()
    await server.start(sock)
    try:
        yield sock.getsockname()[1]
    finally:
        await server.close()


async def talk(port: int, *parts: bytes, half_close: bool = True) -> str:
    """Send; everything that comes back until the server closes, with the date taken out."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await writer.drain()
    if half_close:
        writer.write_eof()
    async with asyncio.timeout(DEADLINE):
        text = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    return re.sub(r"Date: [^\r]* GMT", "Date: D", text)


GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
OK = "HTTP/1.1 200 OK\r\nX-Error: \r\nDate: D\r\nContent-Length: 4\r\n\r\nGET "


async def test_requests_on_one_connection_are_answered_in_turn():
    async with serving() as port:
        assert await talk(port, GET, GET) == OK * 2


async def test_a_request_may_come_byte_by_byte():
    async with serving() as port:
        assert await talk(port, *(bytes([byte]) for byte in GET)) == OK


async def test_close_is_honoured_and_announced():
    async with serving() as port:
        text = await talk(port, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", GET, half_close=False)
        assert text == OK.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")


async def test_http_1_0_gets_http_1_0():
    async with serving() as port:
        text = await talk(port, b"GET / HTTP/1.0\r\n\r\n", half_close=False)
        assert text == OK.replace("1.1", "1.0")
        text = await talk(port, b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert text == OK.replace("1.1", "1.0").replace("\r\n\r\n", "\r\nConnection: keep-alive\r\n\r\n")


async def test_neither_head_nor_204_has_a_body():
    async with serving() as port:
        text = await talk(port, b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
        assert text == ("HTTP/1.1 200 OK\r\nX-Error: \r\nDate: D\r\n\r\nHTTP/1.1 204 No Content\r\nDate: D\r\n\r\n")


async def test_a_body_that_breaks_off_ends_the_connection_after_the_answer():
    async with serving() as port:
        text = await talk(port, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
        assert "X-Error: unexpected EOF" in text
        assert "Connection: close" in text
        assert text.endswith("POST abc")


async def test_the_body_may_be_waited_for():
    async with serving() as port:
        text = await talk(
            port, b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n", b"{}"
        )
        assert text.startswith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
        text = await talk(port, b"POST / HTTP/1.1\r\nHost: x\r\nExpect: magic\r\n\r\n")
        assert text.startswith("HTTP/1.1 417 Expectation Failed\r\n")


async def test_a_malformed_request_is_answered_barely_and_closed():
    async with serving() as port:
        assert await talk(port, b"garbage\r\n\r\n", b"x" * 100_000) == (
            "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
            "400 Bad Request"
        )


async def test_a_head_of_two_megabytes_is_too_much():
    async with serving() as port:
        text = await talk(port, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * (1 << 21) + b"\r\n\r\n")
        assert text.startswith("HTTP/1.1 431 Request Header Fields Too Large\r\n")
        line = b"X-Many: " + b"a" * 1000 + b"\r\n"
        text = await talk(port, b"GET / HTTP/1.1\r\nHost: x\r\n" + line * 1500 + b"\r\n")
        assert text.startswith("HTTP/1.1 431 Request Header Fields Too Large\r\n")


async def test_who_says_nothing_is_dropped():
    async with serving(Limits(idle=SHORT)) as port:
        assert await talk(port, half_close=False) == ""
        assert await talk(port, GET, half_close=False) == OK


async def test_who_never_ends_his_head_is_dropped():
    async with serving(Limits(read=SHORT)) as port:
        assert await talk(port, b"GET / HTTP/1.1\r\n", half_close=False) == ""


async def test_who_never_ends_his_body_is_told():
    async with serving(Limits(read=SHORT)) as port:
        text = await talk(port, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc", half_close=False)
        assert "X-Error: i/o timeout" in text


async def test_an_answer_that_takes_too_long_is_a_503():
    async with serving(Limits(handle=SHORT)) as port:
        text = await talk(port, b"GET /hang HTTP/1.1\r\nHost: x\r\n\r\n")
        assert text.startswith("HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html; charset=utf-8\r\n")
        assert text.endswith("<html><head><title>Timeout</title></head><body><h1>Timeout</h1></body></html>")


async def test_closing_drops_idle_and_busy_connections():
    async with serving() as port:
        _, idle = await asyncio.open_connection("127.0.0.1", port)
        reader, busy = await asyncio.open_connection("127.0.0.1", port)
        busy.write(b"GET /hang HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(SHORT)
    async with asyncio.timeout(DEADLINE):
        assert await reader.read() == b""
    for writer in (idle, busy):
        writer.close()
        await writer.wait_closed()


async def test_a_client_that_resets_does_no_harm():
    async with serving() as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /hang HTTP/1.1\r\nHost: x\r\n\r\n")
        writer.transport.abort()
        assert await talk(port, GET) == OK
