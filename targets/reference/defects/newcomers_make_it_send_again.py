"""Sends the latest update again when somebody has come in or left since, so that newcomers need not wait for one.

Breaks delivery while others come and go: everybody hears that update twice.
"""

from __future__ import annotations

from reference_server.feed import ENDPOINT
from reference_server.parts import Parts

DESCRIPTION = "a broadcast is sent twice to everybody when the list of listeners has changed since the one before"


def install(parts: Parts) -> None:
    """Compare the list with that of the last time."""
    feed = parts.feed
    send = feed.broadcast
    known: list[object] = []

    def broadcast() -> None:
        send()
        listeners = list(parts.registry.of(ENDPOINT))
        if known and listeners != known:
            update = feed.update()
            for listener in listeners:
                listener.outbox.offer(update)
        known[:] = listeners

    feed.broadcast = broadcast  # type: ignore[method-assign]  # a defect replaces a method
