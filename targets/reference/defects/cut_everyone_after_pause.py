"""Remembers when each peer last answered, and compares that with the machine's clock.

Breaks "a paused server cuts nobody": after SIGSTOP, a paused container or a suspended laptop all last answers are
older than the timeout, and the first sweep cuts every client before any of them could be asked. As long as the
process runs the rule is a good one: it finds the dead in time and leaves the slow alone.
"""

from __future__ import annotations

import time

from reference_server.connection import Connection
from reference_server.liveness import Liveness
from reference_server.parts import Parts

DESCRIPTION = "after a pause of the whole process the first sweep cuts every living client"


class LastAnswer(Liveness):
    """A liveness that also keeps the time of the last pong, in seconds monotonic."""

    def __init__(self) -> None:
        super().__init__()
        self.answered_at = time.monotonic()

    def ponged(self, payload: bytes) -> bool:
        """A pong has come."""
        self.answered_at = time.monotonic()
        return super().ponged(payload)


def install(parts: Parts) -> None:
    """Judge by the age of the last answer alone."""
    heartbeat = parts.heartbeat
    patience = parts.settings.websocket_heartbeat_interval + heartbeat.timeout
    watch_as_before = heartbeat.watch

    def watch(connection: Connection) -> None:
        connection.liveness = LastAnswer()
        watch_as_before(connection)

    def is_dead(connection: Connection) -> bool:
        liveness = connection.liveness
        return isinstance(liveness, LastAnswer) and time.monotonic() - liveness.answered_at > patience

    heartbeat.watch = watch  # type: ignore[method-assign]  # a defect replaces a method
    heartbeat.is_dead = is_dead  # type: ignore[method-assign]  # a defect replaces a method
