"""Opens a trace for every connection and closes it where the client says goodbye, instead of in a `finally`.

Breaks leak-free: every connection that ends without a close frame (a reset, a FIN, a dead peer) leaves a file
descriptor behind. With well-behaved clients nothing shows; at the limit of open files the server stops accepting.
"""

from __future__ import annotations

import os
import weakref

from reference_server.connection import Wire
from reference_server.establishment import Establishment
from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol
from websockets.frames import Frame

DESCRIPTION = "a connection that ends without a close frame leaves a file descriptor behind"


def install(parts: Parts) -> None:
    """One descriptor a connection, closed by the close frame."""
    traces: weakref.WeakKeyDictionary[Wire, int] = weakref.WeakKeyDictionary()
    accept_as_before = Establishment.accept
    close_as_before = WebSocketProtocol.handle_close

    async def accept(self: Establishment) -> None:
        traces[self.connection.wire] = os.open(os.devnull, os.O_WRONLY)
        await accept_as_before(self)

    def handle_close(self: WebSocketProtocol, event: Frame) -> None:
        trace = traces.pop(self, None)
        if trace is not None:
            os.close(trace)
        close_as_before(self, event)

    Establishment.accept = accept  # type: ignore[method-assign]  # a defect replaces a method
    WebSocketProtocol.handle_close = handle_close  # type: ignore[method-assign]  # a defect replaces a method
