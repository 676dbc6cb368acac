"""Counts a message where it is read, and once more in the handler that answers it.

Breaks the counter of messages: it tells twice as many as there were. Clients that begin one and never end it are not
counted, as it should be.
"""

from __future__ import annotations

from reference_server.connection import Connection
from reference_server.endpoints.echo import Echo
from reference_server.outbox import Message
from reference_server.parts import Parts

DESCRIPTION = "a message that is answered is counted as two"


def install(parts: Parts) -> None:
    """One more count, from before the messages were counted where they are read."""
    answer = Echo.received

    async def received(self: Echo, connection: Connection, message: Message) -> None:
        parts.counters.messages_received += 1
        await answer(self, connection, message)

    Echo.received = received  # type: ignore[method-assign]  # a defect replaces a method
