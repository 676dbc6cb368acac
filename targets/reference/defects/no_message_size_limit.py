"""Takes messages of any size.

Breaks survival: what one client sends is held until it is complete, so one client may take all of the memory.
"""

from __future__ import annotations

from typing import Any

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "a message may be as large as its sender likes"


def install(parts: Parts) -> None:
    """Take the limit off each connection."""
    make = WebSocketProtocol.__init__

    def __init__(self: WebSocketProtocol, *args: Any, **kwargs: Any) -> None:  # noqa: N807  # replaces it
        make(self, *args, **kwargs)
        self.conn.max_message_size = None

    WebSocketProtocol.__init__ = __init__  # type: ignore[method-assign]  # a defect replaces a method
