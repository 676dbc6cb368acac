"""Who is connected, and the limit on how many may be."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from starlette.websockets import WebSocket

BACKLOG = 16
"""Updates that wait to be sent to one client; who has fallen further behind is ended, and may come back. Ours: at a
broadcast every 5 s they are 80 s, longer than the 60 s after which it is stale."""


@dataclass(eq=False, slots=True)
class Member:
    """One connection, with the updates that wait to be sent to it."""

    websocket: WebSocket
    since: float = field(default_factory=time.monotonic)
    updates: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(BACKLOG))
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by whoever decides that it has to end."""


class Members:
    """Everybody who is connected."""

    def __init__(self, limit: int) -> None:
        self.accepted = 0
        self.ended = 0
        self.rejected = 0
        self.inside: set[Member] = set()
        self._limit = limit

    def __len__(self) -> int:
        return len(self.inside)

    def join(self, websocket: WebSocket) -> Member | None:
        """A place, or None where there is none left."""
        if len(self.inside) >= self._limit:
            self.rejected += 1
            return None
        member = Member(websocket)
        self.inside.add(member)
        self.accepted += 1
        return member

    def leave(self, member: Member) -> None:
        """Give the place back."""
        if member in self.inside:
            self.inside.remove(member)
            self.ended += 1

    def tell(self, update: str) -> None:
        """Offer an update to everybody; whoever comes or goes meanwhile is in the next one, or in none."""
        for member in tuple(self.inside):
            self.offer(member, update)

    def offer(self, member: Member, update: str) -> None:
        """Offer it to one; who is too far behind for it is ended."""
        try:
            member.updates.put_nowait(update)
        except asyncio.QueueFull:
            member.over.set()

    def older_than(self, seconds: float) -> list[Member]:
        """Who has been here for longer."""
        now = time.monotonic()
        return [member for member in self.inside if now - member.since > seconds]
