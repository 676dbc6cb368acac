"""Cuts newcomers off who have said nothing for six tenths of a second: a deadline for the first message that is none.

Breaks establishment: a client may say its first word when it has one. Whoever always begins with a message, as most
tests do, never finds out.
"""

from __future__ import annotations

import asyncio

from reference_server.establishment import Establishment
from reference_server.parts import Parts

DESCRIPTION = "a client that is let in and says nothing is cut off before its first message may come"

FIRST_WORD_WITHIN = 0.6
"""Seconds; more than a busy machine has needed for a first message, and less than `fast` promises for it."""


def install(parts: Parts) -> None:
    """Look at each newcomer of the endpoint that everybody speaks on."""
    register = Establishment.register

    async def registered(self: Establishment) -> None:
        await register(self)
        connection, since = self.connection, self.connection.heard_at
        if connection.endpoint == "echo":
            loop = asyncio.get_running_loop()
            loop.call_later(FIRST_WORD_WITHIN, lambda: None if connection.heard_at > since else connection.wire.cut())

    Establishment.register = registered  # type: ignore[method-assign]  # a defect replaces a method
