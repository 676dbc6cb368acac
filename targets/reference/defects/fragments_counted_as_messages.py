"""Counts a message where its first frame begins, whether the rest of it comes or not.

Breaks the counter of messages: a client that dies in the middle of one has sent one more than anybody has received.
Whole messages are counted once, as they should be.
"""

from __future__ import annotations

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "a message that was begun and never finished is counted as received"


def install(parts: Parts) -> None:
    """What a lost connection leaves unfinished counts as well."""
    clean_up = WebSocketProtocol.connection_lost

    def connection_lost(self: WebSocketProtocol, exc: Exception | None) -> None:
        self.counters.messages_received += bool(self.frames or self.fragments)
        clean_up(self, exc)

    WebSocketProtocol.connection_lost = connection_lost  # type: ignore[method-assign]  # a defect replaces a method
