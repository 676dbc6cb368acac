"""Prepares every fourth long answer beside the others, so that it does not hold them up.

Breaks the order of answers: the next one overtakes it. Short ones, and those of a client that waits for each, come as
they should.
"""

from __future__ import annotations

import asyncio
import itertools

from reference_server.connection import Connection
from reference_server.endpoints.echo import Echo
from reference_server.outbox import Message
from reference_server.parts import Parts

DESCRIPTION = "every fourth long answer is sent after the answer to the message that follows"

LONG = 100
"""Characters."""

TAKES = 0.15
"""Seconds that preparing takes: no longer than a client waits for any answer, and longer than to its next message."""


def install(parts: Parts) -> None:
    """Send it in a task of its own."""
    numbers = itertools.count(1)
    at_work: set[asyncio.Task[None]] = set()

    async def prepare(connection: Connection, message: Message) -> None:
        await asyncio.sleep(TAKES)
        await connection.outbox.put(message)

    async def received(self: Echo, connection: Connection, message: Message) -> None:
        if len(message) > LONG and next(numbers) % 4 == 0:
            task = asyncio.create_task(prepare(connection, message))
            at_work.add(task)
            task.add_done_callback(at_work.discard)
        else:
            await connection.outbox.put(message)

    Echo.received = received  # type: ignore[method-assign]  # a defect replaces a method
