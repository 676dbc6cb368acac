"""Puts the last fragment of a message before those in the middle.

Breaks messages of more than two frames: all bytes are there, and the text is another. Those of one or two frames are
whole.
"""

from __future__ import annotations

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol
from websockets.frames import Frame

DESCRIPTION = "of a message in more than two frames the last one is put before those in the middle"


def install(parts: Parts) -> None:
    """Remember where the first fragment ends."""
    collect = WebSocketProtocol.handle_cont

    def handle_cont(self: WebSocketProtocol, event: Frame) -> None:
        if event.fin and self.fragments:
            first = len(self.frames_first)  # type: ignore[attr-defined]  # kept below
            middle = bytes(self.fragments[first:])
            self.fragments = bytearray(self.fragments[:first]) + event.data
            event = Frame(event.opcode, middle, event.fin)
        elif not self.fragments:
            self.frames_first = b"".join(self.frames)  # type: ignore[attr-defined]  # a defect adds it
        collect(self, event)

    WebSocketProtocol.handle_cont = handle_cont  # type: ignore[method-assign]  # a defect replaces a method
