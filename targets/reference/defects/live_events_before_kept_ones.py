"""Lets a client that comes back hear the latest event at once, and sends what it has missed afterwards.

Breaks the order of events: the client joins the live stream before the kept events are sent, as where both come from
different places. None is lost, and none comes twice.
"""

from __future__ import annotations

from reference_server.connection import Connection
from reference_server.parts import Parts
from reference_server.resumable import KeptSession

DESCRIPTION = "a client that comes back hears the latest event before those that it has missed"


def install(parts: Parts) -> None:
    """Send the latest event first, and go on after it when the others are sent."""
    sessions = parts.sessions
    feed = sessions.feed

    async def latest_first(session: KeptSession, connection: Connection, last: int) -> None:
        latest = session.number
        if last and last < latest:
            for number in (latest, *range(last + 1, latest)):
                event = session.after(number - 1)
                if event is not None:
                    await connection.outbox.put(event)
            last = latest
        await feed(session, connection, last)

    sessions.feed = latest_first  # type: ignore[method-assign]  # a defect replaces a method
