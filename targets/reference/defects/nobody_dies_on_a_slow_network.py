"""Calls nobody dead while pongs of others are slow: the network is to blame then, and not the peer.

Breaks the finding of the dead on a slow network: as long as there is one living peer behind a slow link, every dead one
is kept. Where the network is fast the dead are found as they should be, and nobody who lives is ever cut.
"""

from __future__ import annotations

from reference_server.connection import Connection
from reference_server.parts import Parts

DESCRIPTION = "as long as anybody's pongs take 0.15 s, dead peers are kept"

SLOW = 0.15
"""Seconds from a ping to its pong."""


def install(parts: Parts) -> None:
    """One slow pong excuses everybody for as long as a ping may stay without an answer, and for one ping more."""
    heartbeat, now = parts.heartbeat, parts.clock.now
    look_as_before, ponged_as_before = heartbeat.is_dead, heartbeat._ponged
    excused_for = heartbeat.timeout + parts.settings.websocket_heartbeat_interval
    excused_until = float("-inf")

    def ponged(connection: Connection, payload: bytes) -> None:
        nonlocal excused_until
        sent = [ping.sent_at for ping in connection.liveness.unanswered if ping.payload == payload]
        if sent and now() - sent[0] > SLOW:
            excused_until = now() + excused_for
        ponged_as_before(connection, payload)

    def is_dead(connection: Connection) -> bool:
        return look_as_before(connection) and now() >= excused_until

    heartbeat._ponged = ponged  # type: ignore[method-assign]  # a defect replaces a method
    heartbeat.is_dead = is_dead  # type: ignore[method-assign]  # a defect replaces a method
