"""Pings of a client's own: how long the way to the server and back takes, whatever is spoken on it."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass

from chaos.crowd.client import Client

__all__ = ["Pings", "took"]


_NUMBERS = itertools.count()
"""Of this process's: no ping is like an earlier one, whose pong may still be on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pings:
    """What is asked, and what of it is told."""

    count: int
    size: int = 4
    """Bytes of payload, 125 at most (RFC 6455, 5.5); as many more as the number takes by which each is known."""
    together: int = 1
    """How many at once. One after the other it is the least of them that is told; in batches how long all of them took,
    each of which begins when the one before is answered."""


async def took(client: Client, pings: Pings, *, within: float) -> float | None:
    """Seconds; None where not every pong came within so many, or the connection ended. The client is `usable`."""
    connection = client.connection
    assert connection is not None
    began = time.monotonic()
    payloads = [str(next(_NUMBERS)).zfill(pings.size).encode() for _ in range(pings.count)]
    try:
        async with asyncio.timeout(within):
            if pings.together > 1:
                last = began
                for start in range(0, pings.count, pings.together):
                    batch = payloads[start : start + pings.together]
                    last = max(await asyncio.gather(*map(connection.ping, batch)))
                return last - began
            least = within
            for payload in payloads:
                asked = time.monotonic()
                least = min(least, await connection.ping(payload) - asked)
            return least
    except (TimeoutError, asyncio.CancelledError):
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        return None
