"""Keeps one long message for a client that is slow to take it, the latest: right for prices and wrong for answers.

Breaks delivery where answers have to wait for each other: of those that wait, all but the last are lost. Short ones
cost nothing to keep, and are kept.
"""

from __future__ import annotations

from reference_server.outbox import Message, Outbox
from reference_server.parts import Parts

DESCRIPTION = "of the long messages that wait for a client only the latest is kept"

LONG = 100
"""Characters."""


def install(parts: Parts) -> None:
    """Take the long ones that wait out before another is put in."""
    append = Outbox._append

    def latest_only(self: Outbox, message: Message) -> None:
        if len(message) > LONG:
            kept = [waiting for waiting in self._waiting if len(waiting) <= LONG]
            self._waiting.clear()
            self._waiting.extend(kept)
            self.waiting_bytes = sum(map(len, kept))
        append(self, message)

    Outbox._append = latest_only  # type: ignore[method-assign]  # a defect replaces a method
