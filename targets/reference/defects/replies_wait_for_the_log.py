"""Writes each reply to an audit log, and after every twenty of a connection waits until they are on the disk.

Breaks latency: nineteen of twenty replies are as fast as ever, and so is the median; the slow twentieth is what a 99th
percentile is there for.
"""

from __future__ import annotations

import asyncio
import weakref

from reference_server.connection import Connection
from reference_server.endpoints.echo import Echo
from reference_server.outbox import Message
from reference_server.parts import Parts

DESCRIPTION = "every twentieth reply to a client waits 1.2 s for an audit log"

EVERY = 20
FLUSH = 1.2
"""Seconds that the disk takes: beyond what is promised by more than a busy machine keeps the server waiting meanwhile,
0.22 to 0.52 s on two cores under a load of 7 to 13, where 0.4 and 0.6 s were undecided."""


def install(parts: Parts) -> None:
    """The twentieth pays for all."""
    send = Echo.received
    written: weakref.WeakKeyDictionary[object, int] = weakref.WeakKeyDictionary()

    async def received(self: Echo, connection: Connection, message: Message) -> None:
        number = written[connection.wire] = written.get(connection.wire, 0) + 1
        if number % EVERY == 0:
            await asyncio.sleep(FLUSH)
        await send(self, connection, message)

    Echo.received = received  # type: ignore[method-assign]  # a defect replaces a method
