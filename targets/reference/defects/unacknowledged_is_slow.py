"""Takes every peer that has not acknowledged its ping yet for a slow one, and leaves it to TCP to give up.

Breaks the finding of the dead: TCP gives up after a quarter of an hour (tcp_retries2 on Linux), and on a window that
stays shut never. A peer that acknowledges and does not answer is found as it should be.
"""

from __future__ import annotations

from reference_server.connection import Connection
from reference_server.parts import Parts

DESCRIPTION = "a peer that takes no bytes is waited for as if it were slow, for as long as TCP waits"


def install(parts: Parts) -> None:
    """Only whoever has the ping can be late with its answer."""
    heartbeat = parts.heartbeat
    look_as_before = heartbeat.is_dead

    def is_dead(connection: Connection) -> bool:
        return look_as_before(connection) and connection.liveness.has_the_ping

    heartbeat.is_dead = is_dead  # type: ignore[method-assign]  # a defect replaces a method
