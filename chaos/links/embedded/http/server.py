"""Serves requests over TCP, one after the other on each connection, with Go's time limits."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus

from chaos.links.embedded.http.body import Body, BodyReader
from chaos.links.embedded.http.message import MalformedRequest, Request, RequestHead, Response, parse_head

__all__ = ["Handler", "HttpServer", "Limits"]

Handler = Callable[[Request], Awaitable[Response]]

MAX_HEAD = 1_048_576 + 4096
"""Bytes of request line and headers: Go's limit and its allowance."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds; the defaults are Toxiproxy's."""

    idle: float = 60
    """Until the first byte of a connection's next request."""
    read: float = 15
    """From there to the last byte of its body."""
    handle: float = 25
    """For the answer; then it is a 503."""
    linger: float = 0.5
    """For a client to take the answer to a malformed request, while what it still sends is thrown away."""


_TIMED_OUT = Response(
    HTTPStatus.SERVICE_UNAVAILABLE,
    (("Content-Type", "text/html; charset=utf-8"),),
    b"<html><head><title>Timeout</title></head><body><h1>Timeout</h1></body></html>",
)


class HttpServer:
    """Answers every request with what the handler returns."""

    def __init__(self, handler: Handler, *, limits: Limits | None = None) -> None:
        self._handler = handler
        self._limits = limits or Limits()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, listener: socket.socket) -> None:
        """Accept connections from a listening socket, and own it from now on."""
        self._server = await asyncio.start_server(self._accept, sock=listener, limit=MAX_HEAD)

    async def close(self) -> None:
        """Stop listening and drop all connections."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of our own: asyncio's complains when it is cancelled (3.11).
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._serve_one(reader, writer):
                pass
        except (ConnectionError, TimeoutError) as error:
            # The client went away, or had nothing to say, or was too slow in saying it.
            _log.debug("dropping an API connection: %r", error)
        finally:
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve a request; return whether there may be another."""
        async with asyncio.timeout(self._limits.idle):
            first = await reader.read(1)
        if not first:
            return False
        deadline = asyncio.get_running_loop().time() + self._limits.read
        try:
            async with asyncio.timeout_at(deadline):
                head = parse_head(first + await _read_head(reader))
            body_reader = BodyReader(head)
        except MalformedRequest as error:
            writer.write(_refusal(error))
            await self._linger(reader, writer)
            return False
        body = Body()
        if not await _expectation_met(head, body_reader, writer):
            return False
        try:
            async with asyncio.timeout_at(deadline):
                await body_reader.read(reader, body)
        except TimeoutError:
            body.error = "i/o timeout"
        response = await self._answer(Request(head, bytes(body.data), body.error))
        go_on = head.keep_alive and not body.error
        writer.write(_encode(response, head, keep_alive=go_on))
        await writer.drain()
        return go_on

    async def _linger(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Let the client have the answer: to close with bytes unread would send RST, and it might never see it."""
        try:
            async with asyncio.timeout(self._limits.linger):
                await writer.drain()
                writer.write_eof()
                while await reader.read(MAX_HEAD):
                    pass
        except TimeoutError:
            return

    async def _answer(self, request: Request) -> Response:
        try:
            async with asyncio.timeout(self._limits.handle):
                return await self._handler(request)
        except TimeoutError:
            return _TIMED_OUT


async def _read_head(reader: asyncio.StreamReader) -> bytes:
    """Everything up to the empty line. A line may end in a bare LF, and Go does not mind."""
    head = bytearray()
    while True:
        try:
            line = await reader.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            raise MalformedRequest(HTTPStatus.BAD_REQUEST) from None
        except asyncio.LimitOverrunError:
            raise MalformedRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE) from None
        if line in (b"\r\n", b"\n"):
            return bytes(head).rstrip(b"\r\n")
        head += line
        if len(head) > MAX_HEAD:
            raise MalformedRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)


async def _expectation_met(head: RequestHead, body: BodyReader, writer: asyncio.StreamWriter) -> bool:
    """Say that the body may come, to a client that asks; refuse any other expectation."""
    expectation = head.header("expect").lower()
    if expectation == "100-continue":
        if body.expected:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    elif expectation:
        writer.write(_encode(Response(HTTPStatus.EXPECTATION_FAILED), head, keep_alive=False))
        await writer.drain()
        return False
    return True


def _refusal(error: MalformedRequest) -> bytes:
    """Bare, as Go writes it before it has a request to answer."""
    lines = (f"HTTP/1.1 {error.status_line}", "Content-Type: text/plain; charset=utf-8", "Connection: close")
    return "\r\n".join((*lines, "", error.body)).encode()


def _encode(response: Response, head: RequestHead, *, keep_alive: bool) -> bytes:
    status = HTTPStatus(response.status)
    lines = [f"HTTP/1.{0 if head.is_http_1_0 else 1} {status.value} {status.phrase}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    lines.append(f"Date: {formatdate(usegmt=True)}")
    # To HEAD and with 204, Go gives neither a body nor its length.
    has_body = head.method != "HEAD" and status is not HTTPStatus.NO_CONTENT
    if has_body:
        lines.append(f"Content-Length: {len(response.body)}")
    if head.is_http_1_0 and keep_alive:
        lines.append("Connection: keep-alive")
    elif not head.is_http_1_0 and not keep_alive:
        lines.append("Connection: close")
    return "\r\n".join((*lines, "", "")).encode("latin-1") + (response.body if has_body else b"")
