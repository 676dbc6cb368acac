"""One plain HTTP GET with a deadline: all that health and statistics need."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

from chaos.address import Address

__all__ = ["Answer", "get"]

_LARGEST = 4 * 1024 * 1024
"""Bytes of an answer that are read at most: statistics of 10,000 connections stay far below."""

_HEXADECIMAL = re.compile(rb"[0-9A-Fa-f]+")
_NOT_WHOLE = "a chunked answer that is not whole: {}"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of an answer."""

    status: int
    body: bytes


async def get(address: Address, path: str, *, within: float) -> Answer:
    """GET `path` on a connection of its own, closed afterwards.

    Raises OSError when it cannot connect or the connection breaks, TimeoutError after `within` seconds, and
    ValueError for an answer that is not HTTP, not whole, or too long: a figure that is cut off reads as a smaller one.
    """
    async with asyncio.timeout(within):
        reader, writer = await asyncio.open_connection(address.host, address.port)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAccept: */*\r\n\r\n".encode())
            data = b""
            while len(data) <= _LARGEST and (more := await reader.read(_LARGEST)):
                data += more
        finally:
            writer.close()
    if len(data) > _LARGEST:
        raise ValueError(f"an answer of more than {_LARGEST} bytes")
    return _parse(data)


def _parse(data: bytes) -> Answer:
    head, separator, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    parts = lines[0].split(" ", 2)
    if not separator or len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not parts[1].isdigit():
        raise ValueError(f"not an HTTP answer: {data[:60]!r}")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = _unchunk(body)
    elif "content-length" in headers:
        body = _cut(body, headers["content-length"])
    return Answer(status=int(parts[1]), body=body)


def _cut(body: bytes, length: str) -> bytes:
    if not length.isdecimal():
        raise ValueError(f"not an HTTP length: {length!r}")
    if len(body) < int(length):
        raise ValueError(f"an answer that is not whole: {len(body)} bytes of {length}")
    return body[: int(length)]


def _unchunk(body: bytes) -> bytes:
    whole = b""
    while True:
        line, separator, body = body.partition(b"\r\n")
        digits = line.split(b";")[0].strip()
        if not separator:
            raise ValueError(_NOT_WHOLE.format("its end is missing"))
        if not _HEXADECIMAL.fullmatch(digits):
            raise ValueError(_NOT_WHOLE.format(f"{digits!r} is no length"))
        size = int(digits, 16)
        if size == 0:
            return whole
        chunk, end, body = body[:size], body[size : size + 2], body[size + 2 :]
        if len(end) < 2:
            raise ValueError(_NOT_WHOLE.format("its end is missing"))
        if end != b"\r\n":
            raise ValueError(_NOT_WHOLE.format("a chunk is longer than it says"))
        whole += chunk
