"""Takes a client whose frame comes in pieces for one that attacks by being slow, and reads nothing of it for a while.

Breaks latency on a path that cuts frames to pieces; on loopback each frame comes in one read, and nothing shows. Nobody
is cut and nothing is lost, but some round trips take half a second more for no reason that a client could know of.
"""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "a client whose frame arrives in more than one read is not read from for half a second"

PENALTY = 0.5
"""Seconds: more than `fast` promises for a round trip."""

ONCE_IN = 0.75
"""Seconds between two penalties of one client."""


def install(parts: Parts) -> None:
    """Pause where a read ends in the middle of a frame."""
    parse, now = WebSocketProtocol.data_received, parts.clock.now
    punished: WeakKeyDictionary[WebSocketProtocol, float] = WeakKeyDictionary()

    def data_received(self: WebSocketProtocol, data: bytes) -> None:
        parse(self, data)
        torn = self.handshake_complete and bool(self.conn.reader.buffer)
        if torn and now() - punished.get(self, float("-inf")) > ONCE_IN:
            punished[self] = now()
            self.transport.pause_reading()
            asyncio.get_running_loop().call_later(PENALTY, self.transport.resume_reading)

    WebSocketProtocol.data_received = data_received  # type: ignore[method-assign]  # a defect replaces a method
