"""Numbers the messages it answers with 12 bits, and takes the one that has number 0 for no message.

Breaks answers over hours: one message in 4,096 is not answered, whoever it is from. At a test's rate that is never.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from reference_server.connection import Connection
from reference_server.parts import Parts

DESCRIPTION = "one message in 4,096 is not answered"

NUMBERS = 1 << 12


def install(parts: Parts) -> None:
    """Leave the answer out where the number has come round to 0."""
    reply_as_before = Connection.reply
    # Of its own: the count of messages received goes on by as many as come together before the first is answered.
    numbers = itertools.count(1)

    async def reply(self: Connection, message: Mapping[str, object]) -> None:
        if next(numbers) % NUMBERS:
            await reply_as_before(self, message)

    Connection.reply = reply  # type: ignore[method-assign]  # a defect replaces a method
