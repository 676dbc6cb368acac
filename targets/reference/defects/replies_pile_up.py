"""Queues every reply at once, and reads the next message, whether anybody takes the replies or not.

Breaks bounded memory: one client that sends and does not read makes the server keep an answer for each of its messages.
Broadcasts are bounded as before, and who reads notices nothing.
"""

from __future__ import annotations

from reference_server.outbox import Message, Outbox
from reference_server.parts import Parts

DESCRIPTION = "answers pile up without a bound for a client that does not read them"


def install(parts: Parts) -> None:
    """Never wait for room."""

    async def put(self: Outbox, message: Message) -> None:
        if not self.closing:
            self._append(message)

    Outbox.put = put  # type: ignore[method-assign]  # a defect replaces a method
