"""Takes a ping that the peer's kernel has acknowledged for a sign of life, and asks for no pong.

Breaks the finding of the dead: a laptop that is off acknowledges nothing and is found. A process that hangs, or a proxy
that holds a connection for a client long gone, acknowledges for ever. It is what TCP keep-alive instead of pings does.
"""

from __future__ import annotations

from reference_server.connection import Connection
from reference_server.parts import Parts

DESCRIPTION = "a peer that answers nothing stays for as long as its kernel, or a proxy, acknowledges"


def install(parts: Parts) -> None:
    """Whoever has the ping lives."""
    heartbeat = parts.heartbeat
    look_as_before = heartbeat.is_dead

    def is_dead(connection: Connection) -> bool:
        return look_as_before(connection) and not connection.liveness.has_the_ping

    heartbeat.is_dead = is_dead  # type: ignore[method-assign]  # a defect replaces a method
