"""Writes each reply to an audit log, and after every ten waits until it is on the disk before it sends on.

Breaks latency: nine of ten replies are as fast as ever, and so are the mean and the median; the slow tenth is what a
99th percentile is there for.
"""

from __future__ import annotations

import asyncio

from reference_server.connection import Connection
from reference_server.endpoints.echo import Echo
from reference_server.outbox import Message
from reference_server.parts import Parts

DESCRIPTION = "every tenth reply waits 0.4 s for an audit log"

EVERY = 10
FLUSH = 0.4
"""Seconds that the disk takes."""


def install(parts: Parts) -> None:
    """The tenth pays for all."""
    send = Echo.received
    written = 0

    async def received(self: Echo, connection: Connection, message: Message) -> None:
        nonlocal written
        written += 1
        if written % EVERY == 0:
            await asyncio.sleep(FLUSH)
        await send(self, connection, message)

    Echo.received = received  # type: ignore[method-assign]  # a defect replaces a method
