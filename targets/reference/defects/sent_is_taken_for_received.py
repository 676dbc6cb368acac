"""Goes on after the last event that it has written to the old connection, and not after the last one that was heard.

Breaks resuming: what a client that vanished never received was written all the same, and is not sent again.
"""

from __future__ import annotations

from reference_server.connection import Connection
from reference_server.outbox import Close, Message, Outbox
from reference_server.parts import Parts
from reference_server.resumable import KeptSession

DESCRIPTION = "what was written to a connection that no longer reached its client is not sent again"


def install(parts: Parts) -> None:
    """Remember what has been taken from the outbox of whoever was connected to a session."""
    sessions = parts.sessions
    attach, get = sessions.attach, Outbox.get
    written: dict[Outbox, int] = {}

    async def taken(self: Outbox) -> Message | Close:
        entry = await get(self)
        if isinstance(entry, str) and self in written:
            written[self] += '"type": "event"' in entry
        return entry

    def after_what_was_written(session: KeptSession, connection: Connection, *, last: int) -> None:
        before = session.connection
        if last and before is not None and before.outbox in written:
            last = min(session.number, max(last, written.pop(before.outbox)))
        written[connection.outbox] = last
        connection.wire.lost.add_done_callback(lambda _lost: written.pop(connection.outbox, None))
        attach(session, connection, last=last)

    sessions.attach = after_what_was_written  # type: ignore[method-assign]  # a defect replaces a method
    Outbox.get = taken  # type: ignore[method-assign]  # a defect replaces a method
