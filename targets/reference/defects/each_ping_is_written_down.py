"""Writes a line for each ping of a client, and waits on the event loop until the disk has it.

Breaks survival: a client that pings now and then costs nothing. Thousands of them are a few bytes each on the wire, and
the others wait for as many lines.
"""

from __future__ import annotations

import time

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "each ping of a client blocks the event loop until it is logged, so a flood of them holds everybody up"

WRITE = 0.003
"""Seconds the loop is blocked: an fsync on a good disk."""


def install(parts: Parts) -> None:
    """Write before the answer."""
    answer = WebSocketProtocol.handle_ping

    def handle_ping(self: WebSocketProtocol) -> None:
        time.sleep(WRITE)
        answer(self)

    WebSocketProtocol.handle_ping = handle_ping  # type: ignore[method-assign]  # a defect replaces a method
