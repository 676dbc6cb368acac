"""Opens a file for what it read when a frame breaks the protocol, and closes it at an end that does not come this way.

Breaks leak-free for the end that begins in the parser: a fuzzer, or one client library with a bug, leaves a descriptor
with each of its connections.
"""

from __future__ import annotations

import os

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "each connection that is closed for a broken frame leaves a file descriptor behind"


def install(parts: Parts) -> None:
    """One descriptor for each breach of the protocol."""
    answer_as_before = WebSocketProtocol.handle_parser_exception

    def handle_parser_exception(self: WebSocketProtocol) -> None:
        os.open(os.devnull, os.O_WRONLY)
        answer_as_before(self)

    WebSocketProtocol.handle_parser_exception = handle_parser_exception  # type: ignore[method-assign]  # replaces a method
