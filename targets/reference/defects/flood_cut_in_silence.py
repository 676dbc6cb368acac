"""Resets a client that sends too much, instead of closing with 1008.

Breaks fairness: nobody else is hurt, and the server is protected. The client sees a connection that broke, as on a bad
network, and does what one does then: it comes back at once, and sends again what it has to send.
"""

from __future__ import annotations

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol
from websockets.frames import CloseCode

DESCRIPTION = "a client that sends too much is reset without a close frame"


def install(parts: Parts) -> None:
    """Cut where the policy is violated; every other failure is told."""
    fail_as_before = WebSocketProtocol.fail

    def fail(self: WebSocketProtocol, code: CloseCode, reason: str) -> None:
        if code is CloseCode.POLICY_VIOLATION:
            self.cut()
            return
        fail_as_before(self, code, reason)

    WebSocketProtocol.fail = fail  # type: ignore[method-assign]  # a defect replaces a method
