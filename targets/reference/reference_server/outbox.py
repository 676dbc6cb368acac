"""A bounded queue of outgoing messages, one per connection.

Only the connection's writer takes from it, so messages keep their order and a slow peer holds up nobody but itself. Two
ways in: `put` waits for room (replies: the client that does not read its replies stops being read), `offer` never waits
(broadcasts: a full outbox is the slow consumer's own problem).
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

Message = str | bytes


@dataclass(frozen=True, slots=True)
class Close:
    """The last entry: close with this code and reason once all before it has been sent."""

    code: int
    reason: str


class Outbox:
    """Holds at most `max_messages` messages and `max_bytes` bytes (a single larger message is let in alone)."""

    def __init__(self, *, max_messages: int, max_bytes: int) -> None:
        self.max_messages = max_messages
        self.max_bytes = max_bytes
        self.waiting_bytes = 0
        self._waiting: deque[Message] = deque()
        self._close: Close | None = None
        self._ready = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def closing(self) -> bool:
        """Whether `finish` has been called: nothing more is taken in."""
        return self._close is not None

    def has_room(self, message: Message) -> bool:
        """Whether `message` fits without exceeding either bound."""
        if not self._waiting:
            return True
        return len(self._waiting) < self.max_messages and self.waiting_bytes + len(message) <= self.max_bytes

    def offer(self, message: Message) -> bool:
        """Take `message` in if there is room; False if there is none. Never waits."""
        if self.closing:
            return True
        if not self.has_room(message):
            return False
        self._append(message)
        return True

    async def put(self, message: Message) -> None:
        """Take `message` in, waiting for room; dropped when the connection is being closed."""
        while not self.closing and not self.has_room(message):
            self._room.clear()
            await self._room.wait()
        if not self.closing:
            self._append(message)

    def finish(self, close: Close) -> None:
        """Close after everything now waiting; the first caller's code and reason count."""
        if self._close is None:
            self._close = close
            self._ready.set()
            self._room.set()

    async def get(self) -> Message | Close:
        """The next message, or the close when all messages are out."""
        while not self._waiting and self._close is None:
            self._ready.clear()
            await self._ready.wait()
        if not self._waiting:
            assert self._close is not None
            return self._close
        message = self._waiting.popleft()
        self.waiting_bytes -= len(message)
        self._room.set()
        return message

    def _append(self, message: Message) -> None:
        self._waiting.append(message)
        self.waiting_bytes += len(message)
        self._ready.set()
