"""Takes fifteen connections that end within a second without a good-bye for an attack, and lets nobody in for a while.

Breaks recovery: a proxy that restarts, or an application that is updated everywhere, ends as many at once, and they all
come back at once. Clients that say good-bye may leave in any number.
"""

from __future__ import annotations

from collections import deque

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol
from websockets.frames import Frame

DESCRIPTION = "after fifteen connections have ended at once without a close frame, nobody is let in for five seconds"

MOST = 15
WITHIN = 1.0
"""Seconds."""

COOL_DOWN = 5.0
"""Seconds; longer than `fast` promises to recover within."""


def install(parts: Parts) -> None:
    """Count the ends that nobody has announced."""
    clean_up, said_goodbye = WebSocketProtocol.connection_lost, WebSocketProtocol.handle_close
    enter, now = parts.admission.try_enter, parts.clock.now
    lost: deque[float] = deque(maxlen=MOST)
    polite: set[WebSocketProtocol] = set()
    closed_until = float("-inf")

    def handle_close(self: WebSocketProtocol, event: Frame) -> None:
        polite.add(self)
        said_goodbye(self, event)

    def connection_lost(self: WebSocketProtocol, exc: Exception | None) -> None:
        nonlocal closed_until
        if self in polite:
            polite.discard(self)
        elif not self.close_sent:
            lost.append(now())
            if len(lost) == MOST and now() - lost[0] < WITHIN:
                closed_until = now() + COOL_DOWN
        clean_up(self, exc)

    def try_enter() -> str | None:
        return "limit" if now() < closed_until else enter()

    WebSocketProtocol.handle_close = handle_close  # type: ignore[method-assign]  # a defect replaces a method
    WebSocketProtocol.connection_lost = connection_lost  # type: ignore[method-assign]  # a defect replaces a method
    parts.admission.try_enter = try_enter  # type: ignore[method-assign]  # a defect replaces a method
