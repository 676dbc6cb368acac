"""Cuts a listener who has not taken the last update when the next one is due.

Breaks the counterpart of removing slow consumers: somebody whose browser collects garbage for a moment loses the
connection, though it would have caught up at once. With listeners who always read nothing shows.
"""

from __future__ import annotations

from reference_server.feed import ENDPOINT
from reference_server.parts import Parts

DESCRIPTION = "a listener who is one update behind when the next one is due is cut, however steadily it reads"


def install(parts: Parts) -> None:
    """Before each update look who still has the last one to take."""
    send_to_everyone = parts.feed.broadcast

    def broadcast() -> None:
        size = len(parts.feed.update())
        for listener in parts.registry.of(ENDPOINT):
            if listener.wire.evidence().outstanding >= size:
                listener.cut("slow consumer")
        send_to_everyone()

    parts.feed.broadcast = broadcast  # type: ignore[method-assign]  # a defect replaces a method
