"""Keeps one message for a client that is slow to take it, the latest, as is right for prices and wrong for answers.

Breaks delivery on a link that is slow: of the answers that wait, all but the last are lost.
"""

from __future__ import annotations

from reference_server.outbox import Message, Outbox
from reference_server.parts import Parts

DESCRIPTION = "of the messages that wait for a slow client only the latest is kept"


def install(parts: Parts) -> None:
    """Take what waits out before another is put in."""
    append = Outbox._append

    def latest_only(self: Outbox, message: Message) -> None:
        self._waiting.clear()
        self.waiting_bytes = 0
        append(self, message)

    Outbox._append = latest_only  # type: ignore[method-assign]  # a defect replaces a method
