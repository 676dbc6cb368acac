"""Keeps every update for a listener until it takes it, and takes the backlog for the reason why it is silent.

Breaks the removal of slow consumers: whoever has stopped reading is neither cut for its backlog nor called dead, and
what waits for it grows with every broadcast. Everybody else hears everything in time.
"""

from __future__ import annotations

from reference_server.connection import Connection
from reference_server.feed import ENDPOINT
from reference_server.parts import Parts

DESCRIPTION = "a listener that has stopped reading is never cut, and everything is kept for it"


def install(parts: Parts) -> None:
    """No bound on the backlog, and an excuse for whoever has one."""
    feed, heartbeat = parts.feed, parts.heartbeat
    is_dead_otherwise = heartbeat.is_dead

    def broadcast() -> None:
        feed.sequence += 1
        parts.counters.broadcasts += 1
        update = feed.update()
        for listener in parts.registry.of(ENDPOINT):
            if not listener.ended:
                listener.outbox._append(update)

    def is_dead(connection: Connection) -> bool:
        behind = connection.endpoint == ENDPOINT and len(connection.outbox) > 0
        return not behind and is_dead_otherwise(connection)

    feed.broadcast = broadcast  # type: ignore[method-assign]  # a defect replaces a method
    heartbeat.is_dead = is_dead  # type: ignore[method-assign]  # a defect replaces a method
