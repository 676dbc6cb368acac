"""Takes fifteen resets within a second for a fault of its own, and lets nobody in for a while, so as to recover.

Breaks recovery: a proxy that is killed, or a router that forgets its connections, resets as many at once, and they all
come back at once. Clients that hang up, with a good-bye or without, may leave in any number.
"""

from __future__ import annotations

from collections import deque

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "after fifteen connections were reset at once, nobody is let in for two and a half seconds"

MOST = 15
WITHIN = 1.0
"""Seconds."""

COOL_DOWN = 2.5
"""Seconds; longer than `fast` promises to recover within."""


def install(parts: Parts) -> None:
    """Count each end that comes as an error."""
    clean_up = WebSocketProtocol.connection_lost
    enter, now = parts.admission.try_enter, parts.clock.now
    errors: deque[float] = deque(maxlen=MOST)
    closed_until = float("-inf")

    def connection_lost(self: WebSocketProtocol, exc: Exception | None) -> None:
        nonlocal closed_until
        if exc is not None:
            errors.append(now())
            if len(errors) == MOST and now() - errors[0] < WITHIN:
                closed_until = now() + COOL_DOWN
        clean_up(self, exc)

    def try_enter() -> str | None:
        return "limit" if now() < closed_until else enter()

    WebSocketProtocol.connection_lost = connection_lost  # type: ignore[method-assign]  # a defect replaces a method
    parts.admission.try_enter = try_enter  # type: ignore[method-assign]  # a defect replaces a method
