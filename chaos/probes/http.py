"""One plain HTTP GET with a deadline: all that health and statistics need."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from chaos.address import Address

__all__ = ["Answer", "get"]

_LARGEST = 4 * 1024 * 1024
"""Bytes of an answer that are read at most: statistics of 10,000 connections stay far below."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of an answer."""

    status: int
    body: bytes


async def get(address: Address, path: str, *, within: float) -> Answer:
    """GET `path` on a connection of its own, closed afterwards.

    Raises OSError when it cannot connect or the connection breaks, TimeoutError after `within` seconds, and
    ValueError for an answer that is not HTTP.
    """
    async with asyncio.timeout(within):
        reader, writer = await asyncio.open_connection(address.host, address.port)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAccept: */*\r\n\r\n".encode())
            data = await reader.read(_LARGEST)
            while not reader.at_eof() and len(data) < _LARGEST:
                data += await reader.read(_LARGEST)
        finally:
            writer.close()
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
    return Answer(status=int(parts[1]), body=body)


def _unchunk(body: bytes) -> bytes:
    whole = b""
    while body:
        size_line, separator, body = body.partition(b"\r\n")
        size = int(size_line.split(b";")[0], 16)
        if not separator or size == 0:
            break
        whole += body[:size]
        body = body[size + 2 :]
    return whole
