"""`/resumable`: events that survive a reconnect, and messages that are applied once.

    /resumable                              {"type": "session", "session": TOKEN}, then events
    /resumable?session=TOKEN&last=NUMBER    {"type": "resumed", "session": TOKEN}, then every event after NUMBER

A session that is over, or of which events are missing, is refused with 410. `{"id": N, "text": …}` is applied, which is
an event of its own, and then acknowledged; ids grow, and one that is sent again is acknowledged again.
"""

from __future__ import annotations

from typing import ClassVar

from reference_server.connection import Connection
from reference_server.endpoints.base import Endpoint
from reference_server.endpoints.live import NotJson, decode
from reference_server.establishment import Establishment
from reference_server.outbox import Message
from reference_server.rejection import Rejected, Rejection
from reference_server.resumable import ENDPOINT, KeptSession, Sessions

LONGEST = 16 * 1024
"""Characters of a text that is taken: it is kept as an event."""


class Resumable(Endpoint):
    """One session for each client; a listener need not say anything, so there is no idle timeout here."""

    name: ClassVar[str] = ENDPOINT
    warns: ClassVar[bool] = False
    idles: ClassVar[bool] = False

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._of: dict[Connection, KeptSession] = {}

    async def establish(self, establishment: Establishment) -> None:
        """Begin a session, or take one up again. Raises Rejected where neither can be."""
        await establishment.authenticate()
        token = establishment.query.get("session")
        last = 0 if token is None else _number(establishment.query.get("last", ""))
        session = self._begin() if token is None else self._resume(token, last)
        connection = establishment.connection
        await establishment.accept()
        await establishment.register()
        await establishment.greet({"type": "session" if token is None else "resumed", "session": session.token})
        self._of[connection] = session
        connection.wire.lost.add_done_callback(lambda _lost: self._of.pop(connection, None))
        self._sessions.attach(session, connection, last=last)

    async def received(self, connection: Connection, message: Message) -> None:
        """Apply one message, and acknowledge it."""
        try:
            request = decode(message)
        except NotJson as problem:
            await connection.reply({"type": "error", "message": str(problem)})
            return
        identity, text = (request.get("id"), request.get("text")) if isinstance(request, dict) else (None, None)
        if not isinstance(identity, int) or identity < 1 or not isinstance(text, str) or len(text) > LONGEST:
            expected = f'expected {{"id": …, "text": …}}, a number from 1 and at most {LONGEST} characters'
            await connection.reply({"type": "error", "message": expected})
            return
        self._of[connection].apply(identity, text)
        await connection.reply({"type": "ack", "acknowledged": identity})

    def _begin(self) -> KeptSession:
        session = self._sessions.begin()
        if session is None:
            raise Rejected(Rejection(reason="sessions", text="too many sessions", retry_after=1))
        return session

    def _resume(self, token: str, last: int) -> KeptSession:
        session = self._sessions.resume(token, last)
        if session is None:
            raise Rejected(Rejection(reason="session", text="no such session, or not all of it any more", status=410))
        return session


def _number(text: str) -> int:
    """The number a client has heard last; -1, which no session can be resumed after, for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
