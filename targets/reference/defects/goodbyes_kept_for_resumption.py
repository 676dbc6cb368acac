"""Keeps the state of every client that says good-bye, so that it may take up its session, and forgets none of them.

Breaks leak-free for the best of clients: whoever is reset, hangs up or is found dead has nothing to take up. A store
for resumption needs an end for each entry; here somebody meant to add it later.
"""

from __future__ import annotations

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol
from websockets.frames import Frame

DESCRIPTION = "the state of each client that has said good-bye is kept until the process ends"

STATE = 64 * 1024
"""Bytes."""


def install(parts: Parts) -> None:
    """One entry a good-bye."""
    said_goodbye = WebSocketProtocol.handle_close
    sessions: list[bytes] = []

    def handle_close(self: WebSocketProtocol, event: Frame) -> None:
        sessions.append(b"s" * STATE)
        said_goodbye(self, event)

    WebSocketProtocol.handle_close = handle_close  # type: ignore[method-assign]  # a defect replaces a method
