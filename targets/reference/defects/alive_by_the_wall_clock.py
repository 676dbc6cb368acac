"""Notes the time of day of each pong, and at each beat cuts off whose last one is too long ago.

Breaks the heartbeat on the day that the clock is put forward: everybody has answered the last ping at once, and a day
ago. On every other day it finds the dead as it should.
"""

from __future__ import annotations

import time
import weakref

from reference_server.connection import Connection
from reference_server.parts import Parts

DESCRIPTION = "all living clients are cut off at once when the server's wall clock is put forward"


def install(parts: Parts) -> None:
    """time.time() where a clock that is never set is due."""
    heartbeat = parts.heartbeat
    beat_as_before, ponged_as_before, watch_as_before = heartbeat.beat, heartbeat._ponged, heartbeat.watch
    last: weakref.WeakKeyDictionary[object, float] = weakref.WeakKeyDictionary()
    longest = parts.settings.websocket_heartbeat_interval + 2 * heartbeat.timeout

    def watch(connection: Connection) -> None:
        last[connection.wire] = time.time()
        watch_as_before(connection)

    def ponged(connection: Connection, payload: bytes) -> None:
        last[connection.wire] = time.time()
        ponged_as_before(connection, payload)

    def beat() -> None:
        for connection in parts.registry.all():
            if time.time() - last[connection.wire] > longest:
                connection.cut("no pong for too long")
        beat_as_before()

    heartbeat.watch = watch  # type: ignore[method-assign]  # a defect replaces a method
    heartbeat._ponged = ponged  # type: ignore[method-assign]  # a defect replaces a method
    heartbeat.beat = beat  # type: ignore[method-assign]  # a defect replaces a method
