"""Closes at once at shutdown, with whatever waits for a client thrown away.

Breaks closing: answers to messages that the server has long taken, and to which its clients look forward, are lost at
each deployment. With clients that read as fast as they ask nothing ever waits, so no ordinary test shows it.
"""

from __future__ import annotations

from reference_server import closes
from reference_server.outbox import Close, Outbox
from reference_server.parts import Parts

DESCRIPTION = "at shutdown what waits for a client is dropped, and its close frame sent at once"


def install(parts: Parts) -> None:
    """Forget the queue where the server goes down."""
    finish_as_before = Outbox.finish

    def finish(self: Outbox, close: Close) -> None:
        if close is closes.SHUTDOWN:
            self._waiting.clear()
            self.waiting_bytes = 0
        finish_as_before(self, close)

    Outbox.finish = finish  # type: ignore[method-assign]  # a defect replaces a method
