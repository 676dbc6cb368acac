"""Compares the size of a message with its limit before it is inflated, and not while.

Breaks survival: a frame of a few kilobytes becomes a message of many megabytes, whose size nobody has asked for.
Messages that are not compressed are held to the limit. Seen in the wild: CVE-2018-1000518, in `websockets` itself.
"""

from __future__ import annotations

from typing import Any

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame
from websockets.http11 import Request

DESCRIPTION = "a small compressed frame may inflate to a message of any size"


class Unlimited(PerMessageDeflate):
    """Inflates all of it."""

    def decode(self, frame: Frame, **_limits: Any) -> Frame:
        """As if there were no limit."""
        return super().decode(frame)


def install(parts: Parts) -> None:
    """Replace what has been agreed on, after the handshake."""
    connect = WebSocketProtocol.handle_connect

    def handle_connect(self: WebSocketProtocol, event: Request) -> None:
        connect(self, event)
        for extension in self.conn.extensions:
            extension.__class__ = Unlimited

    WebSocketProtocol.handle_connect = handle_connect  # type: ignore[method-assign]  # a defect replaces a method
