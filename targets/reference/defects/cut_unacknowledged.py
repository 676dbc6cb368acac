"""Cuts a peer whose kernel has not acknowledged within 0.1 s what was sent to it.

Breaks the counterpart of finding the dead: a living peer on a network that loses a packet, or is gone for a moment,
must stay, because TCP sends again after 0.2 s. Seen in the wild: TCP_USER_TIMEOUT is in milliseconds, and set to a few
hundred by whoever takes it for seconds. A proxy acknowledges at once, so only a path without one shows it.
"""

from __future__ import annotations

import asyncio

from reference_server.parts import Parts
from reference_server.transport import BoundedTransport

DESCRIPTION = "a peer is cut when a packet to it is lost, before TCP has sent it again"

PATIENCE = 0.1
"""Seconds: more than the 0.04 s by which a kernel delays its acknowledgements."""


def install(parts: Parts) -> None:
    """Look after every write how far it has come."""
    write_on = BoundedTransport.write

    def write(self: BoundedTransport, data: bytes | bytearray | memoryview) -> None:
        write_on(self, data)
        asyncio.get_running_loop().call_later(PATIENCE, look, self, self.bytes_written)

    def look(transport: BoundedTransport, ends_at: int) -> None:
        if not transport.is_closing() and transport.delivered() < ends_at:
            transport.cut()

    BoundedTransport.write = write  # type: ignore[method-assign]  # a defect replaces a method
