"""Takes the number that a client has heard last for that of the event before it.

Breaks resuming: the first event that the client has missed is never sent.
"""

from __future__ import annotations

from reference_server.connection import Connection
from reference_server.parts import Parts
from reference_server.resumable import KeptSession

DESCRIPTION = "the first event that a client has missed is left out when it comes back"


def install(parts: Parts) -> None:
    """Begin one event later, where somebody comes back."""
    attach = parts.sessions.attach

    def after_the_next(session: KeptSession, connection: Connection, *, last: int) -> None:
        attach(session, connection, last=min(last + 1, session.number) if last else 0)

    parts.sessions.attach = after_the_next  # type: ignore[method-assign]  # a defect replaces a method
