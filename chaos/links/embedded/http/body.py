"""Reads a request's body: by its length, in chunks, or not at all."""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus

from chaos.links.embedded.http.message import MalformedRequest, RequestHead

__all__ = ["MAX_BODY", "Body", "BodyReader"]

MAX_BODY = 16 * 1024 * 1024
"""Bytes. Go reads on for ever; nobody has sixteen megabytes to say about proxies."""
MAX_LINE = 4096
"""Bytes of a chunk's size line, and of a trailer's."""

_LENGTH = re.compile(r"[0-9]{1,18}")
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]+)[ \t]*(?:;.*)?\r?\n")


class Body:
    """Bytes received so far, and what is wrong with the rest."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.error = ""


class BodyReader:
    """How a head says that its body is to be read. Raises MalformedRequest if it says nonsense."""

    def __init__(self, head: RequestHead) -> None:
        encodings = head.headers.get("transfer-encoding", [])
        if encodings and not head.is_http_1_0 and [value.lower() for value in encodings] != ["chunked"]:
            raise MalformedRequest(HTTPStatus.NOT_IMPLEMENTED, body="Unsupported transfer encoding")
        lengths = set(head.headers.get("content-length", []))
        if len(lengths) > 1 or not all(_LENGTH.fullmatch(length) for length in lengths):
            raise MalformedRequest(HTTPStatus.BAD_REQUEST)
        self._chunked = bool(encodings) and not head.is_http_1_0
        self._length = int(lengths.pop()) if lengths else 0
        if not self._chunked and self._length > MAX_BODY:
            raise MalformedRequest(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)

    @property
    def expected(self) -> bool:
        """Whether there is a body at all."""
        return self._chunked or self._length > 0

    async def read(self, stream: asyncio.StreamReader, into: Body) -> None:
        """Read it all; what is wrong with it goes into `into.error`, in Go's words."""
        try:
            if self._chunked:
                await self._read_chunks(stream, into)
            else:
                into.data += await stream.readexactly(self._length)
        except asyncio.IncompleteReadError as error:
            into.data += error.partial
            into.error = "unexpected EOF"

    async def _read_chunks(self, stream: asyncio.StreamReader, into: Body) -> None:
        while True:
            line = await _read_line(stream)
            matched = _CHUNK_SIZE.fullmatch(line)
            if matched is None:
                into.error = "invalid byte in chunk length"
                return
            if len(matched[1]) > 16 or int(matched[1], 16) + len(into.data) > MAX_BODY:
                into.error = "http chunk length too large"
                return
            size = int(matched[1], 16)
            if size == 0:
                break
            into.data += await stream.readexactly(size)
            if await stream.readexactly(2) != b"\r\n":
                into.error = "malformed chunked encoding"
                return
        while (await _read_line(stream)).strip():
            pass  # a trailer


async def _read_line(stream: asyncio.StreamReader) -> bytes:
    """One line, with its end; cut off where a line may not be as long."""
    line = bytearray()
    while not line.endswith(b"\n") and len(line) < MAX_LINE:
        line += await stream.readexactly(1)
    return bytes(line)
