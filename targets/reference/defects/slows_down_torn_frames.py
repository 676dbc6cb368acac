"""Takes a client whose frame comes in pieces for one that attacks by being slow, and reads nothing of it for a while.

Breaks latency on a path that cuts frames to pieces; on loopback each frame comes in one read, and nothing shows. Nobody
is cut and nothing is lost, but some round trips take half a second more for no reason that a client could know of.
"""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "a client whose frames arrive in more than one read is not read from for half a second now and then"

PENALTY = 0.5
"""Seconds: more than `fast` promises for a round trip."""

ONE_IN = 10
"""Torn reads of a client for one penalty: each for itself, and no client would finish before it is too old."""


def install(parts: Parts) -> None:
    """Pause where a read ends in the middle of a frame."""
    parse = WebSocketProtocol.data_received
    torn: WeakKeyDictionary[WebSocketProtocol, int] = WeakKeyDictionary()

    def data_received(self: WebSocketProtocol, data: bytes) -> None:
        parse(self, data)
        if not self.handshake_complete or not self.conn.reader.buffer:
            return
        torn[self] = torn.get(self, 0) + 1
        if torn[self] % ONE_IN == 0:
            self.transport.pause_reading()
            asyncio.get_running_loop().call_later(PENALTY, self.transport.resume_reading)

    WebSocketProtocol.data_received = data_received  # type: ignore[method-assign]  # a defect replaces a method
