"""Saves the ping to whoever was heard from since the last beat, and counts the pong of that last ping as being heard.

Breaks the heartbeat's period: a client that says nothing is pinged every other time, one that talks more rarely
still. Dead peers are found all the same, one interval later.
"""

from __future__ import annotations

from reference_server.connection import Connection
from reference_server.parts import Parts

DESCRIPTION = "a client that answers a ping is not pinged again at the next beat"


def install(parts: Parts) -> None:
    """Ping only if no byte has come in since the last beat."""
    heartbeat = parts.heartbeat
    ping_at_once = heartbeat.ping

    def ping(connection: Connection) -> None:
        before = connection.liveness.seen
        connection.liveness.seen = connection.wire.evidence()
        if connection.liveness.seen.received == before.received:
            ping_at_once(connection)

    heartbeat.ping = ping  # type: ignore[method-assign]  # a defect replaces a method
