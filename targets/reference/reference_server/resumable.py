"""Sessions that outlive their connections: what a client missed while it was away is sent to it when it comes back.

Each session numbers its events from 1 and keeps the last of them. A client that comes back says which number it has
heard last; it gets everything after it, in order, or it is refused: a session is never resumed with a gap. What clients
send carries ids that grow, and an id that is not beyond the last one applied has been applied already.

Memory is bounded four ways: events and bytes of one session, sessions altogether, and the time that one is kept for a
client that is away.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from collections.abc import Callable, Mapping

from reference_server.connection import Connection

__all__ = ["ENDPOINT", "KeptSession", "Sessions"]

ENDPOINT = "resumable"


class KeptSession:
    """One session: its latest events, and who is connected to it, if anybody is."""

    def __init__(self, token: str, *, most_messages: int, most_bytes: int) -> None:
        self.token = token
        self.number = 0
        """Of the latest event."""
        self.applied = 0
        """The highest id that was applied."""
        self.connection: Connection | None = None
        self.lost_at: float | None = None
        """When its client went away, attentive seconds; None while one is there."""
        self.news = asyncio.Event()
        self._events: deque[tuple[int, str]] = deque()
        self._bytes = 0
        self._most_messages = most_messages
        self._most_bytes = most_bytes

    def add(self, data: Mapping[str, object]) -> None:
        """Number an event and keep it; the oldest go where there is no room."""
        self.number += 1
        text = json.dumps({"type": "event", "number": self.number, **data})
        self._events.append((self.number, text))
        self._bytes += len(text)
        while len(self._events) > self._most_messages or self._bytes > self._most_bytes:
            _, oldest = self._events.popleft()
            self._bytes -= len(oldest)
        self.news.set()

    def apply(self, identity: int, text: str) -> None:
        """Apply a client's message once, however often it is sent."""
        if identity > self.applied:
            self.applied = identity
            self.add({"applied": identity, "text": text})

    def has_all_after(self, last: int) -> bool:
        """Whether everything after number `last` is still there; False for a number that it has not come to."""
        return last <= self.number and last >= self.number - len(self._events)

    def after(self, last: int) -> str | None:
        """The event after number `last`, one of those that are kept; None where that is the latest."""
        position = len(self._events) - (self.number - last)
        return self._events[position][1] if position < len(self._events) else None


class Sessions:
    """All sessions by their tokens, which nobody can guess."""

    def __init__(
        self, *, window: float, most: int, most_messages: int, most_bytes: int, now: Callable[[], float]
    ) -> None:
        self.window = window
        self._most = most
        self._most_messages = most_messages
        self._most_bytes = most_bytes
        self._now = now
        self._by_token: dict[str, KeptSession] = {}

    def __len__(self) -> int:
        return len(self._by_token)

    def away(self) -> int:
        """How many are kept for clients that are not there."""
        return sum(session.lost_at is not None for session in self._by_token.values())

    def begin(self) -> KeptSession | None:
        """A new session; of too many, that goes whose client has been away longest. None where all are in use."""
        self.forget_expired()
        if len(self._by_token) >= self._most:
            lost = [session for session in self._by_token.values() if session.lost_at is not None]
            if not lost:
                return None
            del self._by_token[min(lost, key=lambda session: session.lost_at or 0.0).token]
        token = secrets.token_urlsafe(16)
        session = KeptSession(token, most_messages=self._most_messages, most_bytes=self._most_bytes)
        self._by_token[token] = session
        return session

    def resume(self, token: str, last: int) -> KeptSession | None:
        """The session of a token, if everything after event `last` can be sent; None where it cannot."""
        self.forget_expired()
        session = self._by_token.get(token)
        return session if session is not None and session.has_all_after(last) else None

    def attach(self, session: KeptSession, connection: Connection, *, last: int) -> None:
        """Send `connection` what comes after event `last` and goes on; whoever was connected to it before is cut."""
        before, session.connection, session.lost_at = session.connection, connection, None
        if before is not None:
            before.cut("resumed elsewhere")
        feeding = asyncio.create_task(self.feed(session, connection, last), name=f"events of {connection.id}")

        def ended(_lost: object) -> None:
            feeding.cancel()
            if session.connection is connection:
                session.connection, session.lost_at = None, self._now()

        connection.wire.lost.add_done_callback(ended)

    async def feed(self, session: KeptSession, connection: Connection, last: int) -> None:
        """Send every event after `last`, one after the other, kept ones and new ones alike: they cannot overtake."""
        while not connection.ended and session.connection is connection:
            if not session.has_all_after(last):
                # So far behind that there would be a gap: it may come back, and is told then.
                connection.cut("slow consumer")
            elif (event := session.after(last)) is not None:
                await connection.outbox.put(event)
                last += 1
            else:
                session.news.clear()
                await session.news.wait()

    def tick(self) -> None:
        """An event for every session; called every broadcast interval."""
        data = {"sessions": len(self._by_token)}
        for session in self._by_token.values():
            session.add(data)

    def forget_expired(self) -> None:
        """Forget the sessions whose clients have been away for longer than the window; called at every sweep."""
        due = self._now() - self.window
        for session in list(self._by_token.values()):
            if session.lost_at is not None and session.lost_at < due:
                del self._by_token[session.token]
