"""Plain HTTP GETs, as much of it as healing and statistics need: on a connection of its own, or on one that is kept."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

from chaos.address import Address
from chaos.probes.tls import end, stream_options, streams_over
from chaos.target import Tls

__all__ = ["Answer", "NoAnswer", "get", "read_answer", "read_head"]

_LARGEST = 4 * 1024 * 1024
"""Bytes of an answer that are read at most: statistics of 10,000 connections stay far below."""

_HEADERS_END = b"\r\n\r\n"
_HEXADECIMAL = re.compile(rb"[0-9A-Fa-f]+")
_NOT_WHOLE = "a chunked answer that is not whole: {}"
_WITHOUT_BODY = (204, 304)
"""Statuses whose answers have none, whatever their headers say (RFC 9110, 6.4.1)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of an answer, and its headers by their names in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)


class NoAnswer(ValueError):
    """The connection ended before the first byte of an answer."""


async def get(
    address: Address, path: str, *, within: float, tls: Tls | None = None, made: socket.socket | None = None
) -> Answer:
    """GET `path` on a connection of its own, or on one that was made for it; closed afterwards.

    Raises OSError when it cannot connect or the connection breaks, TimeoutError after `within` seconds, and
    ValueError for an answer that is not HTTP, not whole, or too long: a figure that is cut off reads as a smaller one.
    """
    async with asyncio.timeout(within):
        options = stream_options(tls, within=within)
        if made is None:
            reader, writer = await asyncio.open_connection(address.host, address.port, **options)
        else:
            reader, writer = await streams_over(made, options)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAccept: */*\r\n\r\n".encode())
            return (await read_answer(reader))[0]
        finally:
            end(writer)


async def read_answer(reader: asyncio.StreamReader) -> tuple[Answer, bool]:
    """One answer, and whether the connection may be asked again (RFC 9112, 9.3).

    Raises OSError when the connection breaks, and ValueError for an answer that is not HTTP, not whole, or too long.
    """
    status, version, headers = await read_head(reader)
    persistent = _persists(version, headers.get("connection", ""))
    if status in _WITHOUT_BODY:
        return Answer(status, b"", headers), persistent
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return Answer(status, await _chunked(reader), headers), persistent
    if "content-length" in headers:
        return Answer(status, await _measured(reader, headers["content-length"]), headers), persistent
    return Answer(status, await _until_the_end(reader), headers), False


async def read_head(reader: asyncio.StreamReader) -> tuple[int, str, dict[str, str]]:
    """Status, version and headers by their names in lower case.

    Raises OSError when the connection breaks, and ValueError for what is no such head, or not all of one.
    """
    try:
        head = await reader.readuntil(_HEADERS_END)
    except asyncio.IncompleteReadError as error:
        kind = ValueError if error.partial else NoAnswer
        raise kind(f"not an HTTP answer: {error.partial[:60]!r}") from None
    except asyncio.LimitOverrunError as error:
        raise ValueError(f"not an HTTP answer: its headers do not end within {error.consumed} bytes") from None
    lines = head.removesuffix(_HEADERS_END).decode("latin-1").split("\r\n")
    parts = lines[0].split(" ", 2)
    if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not parts[1].isdigit():
        raise ValueError(f"not an HTTP answer: {head[:60]!r}")
    fields = (line.partition(":") for line in lines[1:])
    return int(parts[1]), parts[0], {name.strip().lower(): value.strip() for name, _, value in fields}


def _persists(version: str, connection: str) -> bool:
    options = {option.strip().lower() for option in connection.split(",")}
    return "close" not in options and (version != "HTTP/1.0" or "keep-alive" in options)


async def _measured(reader: asyncio.StreamReader, length: str) -> bytes:
    if not length.isdecimal():
        raise ValueError(f"not an HTTP length: {length!r}")
    _refuse_beyond(int(length))
    try:
        return await reader.readexactly(int(length))
    except asyncio.IncompleteReadError as error:
        raise ValueError(f"an answer that is not whole: {len(error.partial)} bytes of {length}") from None


async def _until_the_end(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while more := await reader.read(_LARGEST):
        body += more
        _refuse_beyond(len(body))
    return body


async def _chunked(reader: asyncio.StreamReader) -> bytes:
    whole = b""
    try:
        while size := _chunk_size(await reader.readuntil(b"\r\n")):
            _refuse_beyond(len(whole) + size)
            whole += await reader.readexactly(size)
            if await reader.readexactly(2) != b"\r\n":
                raise ValueError(_NOT_WHOLE.format("a chunk is longer than it says"))
        while await reader.readuntil(b"\r\n") != b"\r\n":
            pass  # trailers
    except asyncio.IncompleteReadError:
        raise ValueError(_NOT_WHOLE.format("its end is missing")) from None
    except asyncio.LimitOverrunError:
        raise ValueError(_NOT_WHOLE.format("a line in it does not end")) from None
    return whole


def _chunk_size(line: bytes) -> int:
    digits = line.split(b";")[0].strip()
    if not _HEXADECIMAL.fullmatch(digits):
        raise ValueError(_NOT_WHOLE.format(f"{digits!r} is no length"))
    return int(digits, 16)


def _refuse_beyond(size: int) -> None:
    if size > _LARGEST:
        raise ValueError(f"an answer of more than {_LARGEST} bytes")
