"""Takes fifteen clients that hang up within a second without a good-bye for an attack, and lets nobody in for a while.

Breaks recovery: a proxy that restarts, or an application that is updated everywhere, hangs up as many at once, and they
all come back at once. Clients that say good-bye, or reset, may leave in any number.
"""

from __future__ import annotations

from collections import deque

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "after fifteen clients have hung up at once without a close frame, nobody is let in for five seconds"

MOST = 15
WITHIN = 1.0
"""Seconds."""

COOL_DOWN = 5.0
"""Seconds; longer than `fast` promises to recover within."""


def install(parts: Parts) -> None:
    """Count each FIN that no close frame has announced."""
    hang_up = WebSocketProtocol.eof_received
    enter, now = parts.admission.try_enter, parts.clock.now
    hung_up: deque[float] = deque(maxlen=MOST)
    closed_until = float("-inf")

    def eof_received(self: WebSocketProtocol) -> None:
        nonlocal closed_until
        if self.conn.close_rcvd is None and not self.close_sent:
            hung_up.append(now())
            if len(hung_up) == MOST and now() - hung_up[0] < WITHIN:
                closed_until = now() + COOL_DOWN
        hang_up(self)

    def try_enter() -> str | None:
        return "limit" if now() < closed_until else enter()

    WebSocketProtocol.eof_received = eof_received  # type: ignore[method-assign]  # a defect replaces a method
    parts.admission.try_enter = try_enter  # type: ignore[method-assign]  # a defect replaces a method
