"""Clients of the service, many in one process."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect

from measuring.service import Service

ECHO = json.dumps({"type": "echo", "id": 1})


def client(service: Service) -> connect:
    """A client that answers pings and sends none."""
    return connect(service.url, compression=None, ping_interval=None, max_size=None)


@asynccontextmanager
async def clients(service: Service, count: int) -> AsyncIterator[list[ClientConnection]]:
    """So many, one after the other; they all go at once and without a word."""
    inside = [await client(service) for _ in range(count)]
    try:
        yield inside
    finally:
        for each in inside:
            each.transport.abort()


async def answer(connection: ClientConnection, message: str = ECHO) -> float:
    """Seconds until the echo: what else comes is passed over."""
    began = time.perf_counter()
    await connection.send(message)
    while json.loads(await connection.recv())["type"] != "echo":
        pass
    return time.perf_counter() - began


async def gone(service: Service, *, within: float = 10.0) -> None:
    """Until the service knows of nobody any more, or for so many seconds: one that has no clean-up never does."""
    deadline = time.monotonic() + within
    while service.metrics()["connections"] and time.monotonic() < deadline:  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.1)
