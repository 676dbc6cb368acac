"""Puts the messages of all clients into one queue, and takes them out one after the other.

Breaks fairness: a few messages take a millisecond, in which nobody is kept waiting who has a queue of his own. In one
queue everybody stands behind a client that floods, until all that it has sent is done: seconds, of ten thousand.
"""

from __future__ import annotations

import asyncio

from reference_server.connection import Connection
from reference_server.endpoints.echo import Echo
from reference_server.outbox import Message
from reference_server.parts import Parts

DESCRIPTION = "messages of all clients wait in one queue, so everybody stands behind one who floods"

LOOK_UP = 0.001
"""Seconds that messages take, waiting for a store and not for the processor."""

TOGETHER = 3
"""Messages that are looked up in one go."""


def install(parts: Parts) -> None:
    """One queue, and one who takes from it while there is something in it."""
    waiting: asyncio.Queue[tuple[Connection, Message]] = asyncio.Queue()
    worker: asyncio.Task[None] | None = None

    async def work() -> None:
        while not waiting.empty():
            await asyncio.sleep(LOOK_UP)
            for _ in range(min(TOGETHER, waiting.qsize())):
                connection, message = waiting.get_nowait()
                reply = asyncio.ensure_future(connection.outbox.put(message))
                await asyncio.wait({reply, connection.wire.lost}, return_when=asyncio.FIRST_COMPLETED)
                reply.cancel()

    async def received(self: Echo, connection: Connection, message: Message) -> None:
        nonlocal worker
        waiting.put_nowait((connection, message))
        if worker is None or worker.done():
            worker = asyncio.create_task(work())

    Echo.received = received  # type: ignore[method-assign]  # a defect replaces a method
