"""Takes the number that a client has heard last for the first one that it has missed.

Breaks resuming: what the client heard last it hears again, each time that it comes back.
"""

from __future__ import annotations

from reference_server.connection import Connection
from reference_server.parts import Parts
from reference_server.resumable import KeptSession

DESCRIPTION = "a client that comes back hears the last event again that it has heard already"


def install(parts: Parts) -> None:
    """Begin one event earlier."""
    attach = parts.sessions.attach

    def from_the_last(session: KeptSession, connection: Connection, *, last: int) -> None:
        attach(session, connection, last=max(0, last - 1))

    parts.sessions.attach = from_the_last  # type: ignore[method-assign]  # a defect replaces a method
