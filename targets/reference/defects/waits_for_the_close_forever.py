"""Waits for the peer's part of a close handshake without a deadline.

Breaks closing: a hung application whose kernel goes on acknowledging never answers a close frame, and never ends its
half of TCP. A connection that is being closed is nobody's any more: the heartbeat has stopped looking at it, so its
socket stays as long as the peer's machine runs.
"""

from __future__ import annotations

from reference_server.parts import Parts
from reference_server.transport import BoundedTransport

DESCRIPTION = "a peer that leaves a close handshake unfinished is waited for without a deadline"


def install(parts: Parts) -> None:
    """No deadline for TCP, and none for the answer."""

    def expect_close(self: BoundedTransport) -> None:
        """Somebody will."""

    BoundedTransport.expect_close = expect_close  # type: ignore[method-assign]  # a defect replaces a method
