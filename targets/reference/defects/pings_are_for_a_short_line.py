"""Looks 0.06 s after each ping whether the peer's kernel has acknowledged it, and gives up whose has not.

Breaks the counterpart of finding the dead: where several clients share a line that is too narrow for them, or one with
a queue that is too long, a ping and its acknowledgement wait behind everything else, and arrive. As by a constant that
was measured in a data centre.
"""

from __future__ import annotations

import asyncio

from reference_server.connection import Connection
from reference_server.parts import Parts

DESCRIPTION = "a peer is cut whose ping is not acknowledged within 0.06 s"

PATIENCE = 0.06
"""Seconds: more than the 0.04 s by which a kernel delays its acknowledgements."""


def install(parts: Parts) -> None:
    """Look after every ping how far it has come."""
    heartbeat = parts.heartbeat
    ping_as_before = heartbeat.ping

    def ping(connection: Connection) -> None:
        ping_as_before(connection)
        if connection.liveness.unanswered:
            ends_at = connection.liveness.unanswered[-1].ends_at
            asyncio.get_running_loop().call_later(PATIENCE, look, connection, ends_at)

    def look(connection: Connection, ends_at: int) -> None:
        if not connection.ended and connection.wire.evidence().delivered < ends_at:
            connection.cut("its ping was not acknowledged")

    heartbeat.ping = ping  # type: ignore[method-assign]  # a defect replaces a method
