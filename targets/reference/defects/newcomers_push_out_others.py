"""Makes room for a newcomer by ending one of those who are inside, from half of its places on.

Breaks establishment: every newcomer gets in at once, so that a test which counts those who do is green. A pool with
such a policy is right for idle connections to a database, and wrong for people.
"""

from __future__ import annotations

from reference_server.connection import Connection
from reference_server.outbox import Close
from reference_server.parts import Parts

DESCRIPTION = "a newcomer beyond half of the limit ends somebody who is inside"

ROOM = Close(1013, "make room")


def install(parts: Parts) -> None:
    """The second of those who came, over and over: the first may be whoever watches."""
    registry, most = parts.registry, parts.settings.websocket_max_connections // 2
    add_as_before = registry.add

    def add(connection: Connection) -> None:
        add_as_before(connection)
        if len(registry) > most:
            list(registry.all())[1].close(ROOM)

    registry.add = add  # type: ignore[method-assign]  # a defect replaces a method
