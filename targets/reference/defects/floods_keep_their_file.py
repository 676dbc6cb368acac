"""Opens a file for a report on each client that it closes for sending too much, and never closes it.

Breaks leak-free: who floods comes back at once, so that a single client that does takes the server's last descriptor in
minutes.
"""

from __future__ import annotations

import os

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol
from websockets.frames import CloseCode

DESCRIPTION = "each client that is closed for a flood leaves a file descriptor behind"


def install(parts: Parts) -> None:
    """One descriptor for each close by policy."""
    fail_as_before = WebSocketProtocol.fail

    def fail(self: WebSocketProtocol, code: CloseCode, reason: str) -> None:
        if code is CloseCode.POLICY_VIOLATION:
            os.open(os.devnull, os.O_WRONLY)
        fail_as_before(self, code, reason)

    WebSocketProtocol.fail = fail  # type: ignore[method-assign]  # a defect replaces a method
