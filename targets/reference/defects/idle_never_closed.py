"""Counts everything that comes in as activity, the pongs to the server's own pings too.

Breaks the idle timeout: the heartbeat keeps every connection busy, so nobody is ever warned or closed. Each of the
two works by itself, and only the settings decide which one hides the other.
"""

from __future__ import annotations

from reference_server.connection import Connection
from reference_server.parts import Parts

DESCRIPTION = "a client that says nothing is never closed: its pongs count as activity"


def install(parts: Parts) -> None:
    """Let a pong reset the idle time."""
    heartbeat = parts.heartbeat
    watch_as_before = heartbeat.watch

    def watch(connection: Connection) -> None:
        watch_as_before(connection)
        count_pong = connection.wire.on_pong

        def on_pong(payload: bytes) -> None:
            connection.heard_at = parts.clock.now()
            count_pong(payload)

        connection.wire.on_pong = on_pong

    heartbeat.watch = watch  # type: ignore[method-assign]  # a defect replaces a method
