"""The upstream's value through the breaker, with the last one that came to fall back on."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from hub.breaker import Breaker

LONGEST_ANSWER = 1 << 16
"""Bytes of an answer of the upstream; a longer one is a failure."""


class Failed(Exception):
    """The upstream could not be reached, did not answer, or answered with an error."""


class Source:
    """RPC calls over HTTP, each on a connection of its own."""

    def __init__(self, url: str, *, breaker: Breaker, timeout: float) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port
        self._breaker = breaker
        self._timeout = timeout
        self._cached: str | None = None

    async def get(self) -> dict[str, object]:
        """`source` is live, cached or none, with the value."""
        permit = self._breaker.acquire() if self._host is not None else None
        if permit is None:
            return self._fallback()
        try:
            async with asyncio.timeout(self._timeout):
                value = await self._call()
        except (Failed, OSError, TimeoutError):
            self._breaker.failure(permit)
            return self._fallback()
        except BaseException:
            self._breaker.cancel(permit)
            raise
        self._breaker.success(permit)
        self._cached = value
        return {"source": "live", "value": value}

    def _fallback(self) -> dict[str, object]:
        return {"source": "none"} if self._cached is None else {"source": "cached", "value": self._cached}

    async def _call(self) -> str:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            writer.write(f"GET /rpc HTTP/1.1\r\nHost: {self._host}:{self._port}\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
            answer = await reader.read(LONGEST_ANSWER)
            while (more := await reader.read(LONGEST_ANSWER)) and len(answer) <= LONGEST_ANSWER:
                answer += more
        finally:
            writer.transport.abort()
        head, _, body = answer.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200") or len(answer) > LONGEST_ANSWER:
            raise Failed(head[:80])
        return body.decode(errors="replace")
