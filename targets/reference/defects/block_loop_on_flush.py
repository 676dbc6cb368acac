"""Flushes each ping on the event loop: waits a moment for the peer's kernel to take what is still on its way to it.

Breaks latency: a client that reads has taken everything, and costs nothing. Each one that has stopped reading holds
everybody up for the whole moment, at every heartbeat until it is found dead.
"""

from __future__ import annotations

import time

from reference_server.connection import Connection
from reference_server.parts import Parts

DESCRIPTION = "pinging a client that has stopped reading blocks the event loop for a moment"

LOW_WATER = 256
"""Bytes that may be on their way: several pings, and less than a window that is shut keeps back."""

FLUSH = 0.05
"""Seconds the loop is blocked."""


def install(parts: Parts) -> None:
    """Wait behind the ping."""
    ping_as_before = parts.heartbeat.ping

    def ping(connection: Connection) -> None:
        ping_as_before(connection)
        if connection.wire.evidence().outstanding > LOW_WATER:
            time.sleep(FLUSH)

    parts.heartbeat.ping = ping  # type: ignore[method-assign]  # a defect replaces a method
