"""Asks nobody for a sign of life to whom it cannot write at present: a ping would only lengthen the queue.

Breaks cleanup: a peer that has stopped reading, and whose buffers are full, is never asked again, so it never owes an
answer. One whose window is closed, with room behind it, is found as before. The websockets library (17.4, at its
defaults) holds such a peer for longer than 110 s, where a stalled reader is gone after 50 (targets/strangers).
"""

from __future__ import annotations

from reference_server.connection import Connection
from reference_server.parts import Parts

DESCRIPTION = "a peer whose buffers are full is never found dead"


HIGH_WATER = 64 * 1024
"""Bytes on their way from which a library calls its buffers full: asyncio's own figure."""


def install(parts: Parts) -> None:
    """No ping, and no debt."""
    ping_as_before = parts.heartbeat.ping

    def ping(connection: Connection) -> None:
        if connection.wire.evidence().outstanding > HIGH_WATER:
            connection.liveness.unanswered.clear()
        else:
            ping_as_before(connection)

    parts.heartbeat.ping = ping  # type: ignore[method-assign]  # a defect replaces a method
