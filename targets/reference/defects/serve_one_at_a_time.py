"""A worker that serves one socket at a time, three times over: each client holds a worker until it leaves.

Breaks establishment: clients that come together and stay do not all get in. Those who are in are served well, and a
test that opens its connections one after the other sees nothing at all. Seen in the wild: gunicorn's sync and gthread
workers hold one worker or thread for each WebSocket (with a sync worker, 0 of 10 simultaneous connections).
"""

from __future__ import annotations

import asyncio

from reference_server.establishment import Establishment
from reference_server.parts import Parts

DESCRIPTION = "only three clients are served at a time: the next one waits until one of them leaves"

WORKERS = 3
"""More than the one that a single long-lived client would take for ever, and fewer than any crowd."""


def install(parts: Parts) -> None:
    """Accept a client when a worker is free; it is free again when the connection is gone."""
    free = asyncio.Semaphore(WORKERS)
    accept_at_once = Establishment.accept

    async def accept(self: Establishment) -> None:
        await free.acquire()
        self.connection.wire.lost.add_done_callback(lambda _lost: free.release())
        await accept_at_once(self)

    Establishment.accept = accept  # type: ignore[method-assign]  # a defect replaces a method
