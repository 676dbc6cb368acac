"""Keeps a gauge of its own for the alert of a crowd, and takes nobody out of it whose connection ends in an error.

Breaks the alert, not the limit: with clients that leave in good order it comes and goes as it should. After some
hundred resets it stands for ever, at whatever hour and however few are there.
"""

from __future__ import annotations

from reference_server.alerts import CONNECTIONS_HIGH
from reference_server.connection import Wire
from reference_server.establishment import Establishment
from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "clients that reset their connection count as there for ever in the alert of a crowd"


def install(parts: Parts) -> None:
    """Up where a client is let in, down where a connection ends without an error."""
    register_as_before, clean_up = Establishment.register, WebSocketProtocol.connection_lost
    there: set[Wire] = set()

    async def register(self: Establishment) -> None:
        there.add(self.connection.wire)
        await register_as_before(self)

    def connection_lost(self: WebSocketProtocol, exc: Exception | None) -> None:
        if exc is None:
            there.discard(self)
        clean_up(self, exc)

    def crowded() -> bool:
        return len(there) > parts.admission.limit * CONNECTIONS_HIGH

    Establishment.register = register  # type: ignore[method-assign]  # a defect replaces a method
    WebSocketProtocol.connection_lost = connection_lost  # type: ignore[method-assign]  # a defect replaces a method
    parts.alerts._conditions = {**parts.alerts._conditions, "websocket_connections_high": crowded}
