"""Opens a report for each connection that ends in an error, writes nothing into it and never closes it.

Breaks cleanup where nobody looks: the kernel has forgotten the connection, the registry and every count are in order,
and one file descriptor is left of each reset. An ordinary end, with a close frame or a FIN, has no report.
"""

from __future__ import annotations

import os

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "each connection that is reset leaves an open file behind"


def install(parts: Parts) -> None:
    """One descriptor an error."""
    lost_as_before = WebSocketProtocol.connection_lost

    def connection_lost(self: WebSocketProtocol, exc: Exception | None) -> None:
        if exc is not None:
            os.open(os.devnull, os.O_WRONLY)
        lost_as_before(self, exc)

    WebSocketProtocol.connection_lost = connection_lost  # type: ignore[method-assign]  # a defect replaces a method
