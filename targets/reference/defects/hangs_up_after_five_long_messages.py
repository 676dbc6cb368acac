"""Gives each connection a quota of five long messages, which nobody ever renews, and says goodbye when it is used up.

Breaks delivery for whoever goes on talking: each answer that comes is right, and after the fifth none comes any more.
Short messages are not counted.
"""

from __future__ import annotations

from reference_server.connection import Connection
from reference_server.endpoints.echo import Echo
from reference_server.outbox import Close, Message
from reference_server.parts import Parts

DESCRIPTION = "a client is closed with 1008 once its fifth long message is answered"

LONG = 100
"""Characters."""

QUOTA = 5

USED_UP = Close(1008, "quota used up")


def install(parts: Parts) -> None:
    """Count, and never begin anew."""
    counted: dict[Connection, int] = {}
    received_as_before = Echo.received

    async def received(self: Echo, connection: Connection, message: Message) -> None:
        await received_as_before(self, connection, message)
        if len(message) <= LONG:
            return
        for gone in [each for each in counted if each.ended]:
            del counted[gone]
        counted[connection] = counted.get(connection, 0) + 1
        if counted[connection] == QUOTA:
            connection.close(USED_UP)

    Echo.received = received  # type: ignore[method-assign]  # a defect replaces a method
