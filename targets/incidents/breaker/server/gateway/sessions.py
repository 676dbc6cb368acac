"""The session service: asked over HTTP before a client is let in, each time on a connection of its own."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

LONGEST_HEAD = 1 << 13
"""Bytes of the answer's head; no more is read of it."""


class SessionFailed(Exception):
    """The service could not be reached, did not answer in time, or answered with an error."""


class Sessions:
    """Without a URL everybody has a session."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port

    async def open(self) -> None:
        """Raises SessionFailed. Waits for as long as it takes: whoever calls has a time-out."""
        if self._host is None:
            return
        try:
            status = await self._ask(self._host)
        except OSError as error:
            raise SessionFailed(str(error)) from error
        if status != b"200":
            raise SessionFailed(f"the service answered {status.decode(errors='replace') or 'nothing'}")

    async def _ask(self, host: str) -> bytes:
        reader, writer = await asyncio.open_connection(host, self._port)
        try:
            writer.write(f"GET /session HTTP/1.1\r\nHost: {host}:{self._port}\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
            head = await reader.read(LONGEST_HEAD)
        finally:
            writer.transport.abort()
        return head.partition(b" ")[2][:3]
