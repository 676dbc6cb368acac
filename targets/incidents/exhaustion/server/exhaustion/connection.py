"""One client of the service."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field

from fastapi import WebSocket

from exhaustion.wire import EXTENSION, Wire

NUMBERS = itertools.count(1)
"""One for each client that comes, let in or not: its correlation id, which all that the log says of it carries."""


@dataclass(eq=False, slots=True)
class Connection:
    """Times are of the monotonic clock, but for the first."""

    websocket: WebSocket
    number: int = field(default_factory=lambda: next(NUMBERS))
    """Its correlation id."""
    came_at: float = field(default_factory=time.perf_counter)
    """When it asked for a place, by the clock that durations are measured with."""
    active_at: float = field(default_factory=time.monotonic)
    warned_at: float | None = None
    """When it was warned that it is idle, since it was last active."""
    ending_since: float | None = None
    """When the clean-up told it to go, or first saw that it had been closed from either side."""

    @property
    def wire(self) -> Wire:
        """What is below it."""
        wire: Wire = self.websocket.scope["extensions"][EXTENSION]
        return wire

    def is_active(self) -> None:
        """It has said something."""
        self.active_at, self.warned_at = time.monotonic(), None

    async def tell(self, message: dict[str, object]) -> bool:
        """Send it something, unless it takes nothing: nobody waits for a client that does not read."""
        if not self.wire.takes_messages:
            return False
        await self.websocket.send_json(message)
        return True

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye to it, or cut it where it takes nothing."""
        if self.wire.takes_messages:
            await self.websocket.close(code, reason)
        else:
            self.wire.abort()
