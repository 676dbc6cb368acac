"""Numbers every update and sends only those that "differ": a hash of two bits says which do.

Breaks delivery for everybody, in calm weather: each fourth update is missing, and its number with it.
"""

from __future__ import annotations

from reference_server.parts import Parts

DESCRIPTION = "every fourth broadcast is numbered and never sent"


def install(parts: Parts) -> None:
    """Count it, and send it to nobody."""
    feed = parts.feed
    send = feed.broadcast

    def broadcast() -> None:
        if (feed.sequence + 1) % 4 == 0:
            feed.sequence += 1
            return
        send()

    feed.broadcast = broadcast  # type: ignore[method-assign]  # a defect replaces a method
