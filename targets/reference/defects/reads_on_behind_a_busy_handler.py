"""Takes message after message off the network while the handler is still at the first, so that nobody has to wait.

Breaks bounded memory on the side that receives: whoever sends faster than their messages are dealt with has all of them
held for them, each as it came and as its text. The window that is closed in time is the only thing that slows a sender
down; answers are as bounded as ever.
"""

from __future__ import annotations

from collections import defaultdict

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "messages pile up without a bound before a handler that is slower than its client"


def install(parts: Parts) -> None:
    """Go on reading as soon as a message is queued, and keep it until its client has gone."""
    came: defaultdict[WebSocketProtocol, list[bytes]] = defaultdict(list)
    queue_as_before, lost = WebSocketProtocol.send_receive_event_to_app, WebSocketProtocol.connection_lost

    def send_receive_event_to_app(self: WebSocketProtocol) -> None:
        came[self].append(b"".join(self.frames))
        queue_as_before(self)
        if self.read_paused and not self.close_sent:
            self.read_paused = False
            self.transport.resume_reading()

    def connection_lost(self: WebSocketProtocol, exc: Exception | None) -> None:
        came.pop(self, None)
        lost(self, exc)

    WebSocketProtocol.send_receive_event_to_app = send_receive_event_to_app  # type: ignore[method-assign]  # as it says
    WebSocketProtocol.connection_lost = connection_lost  # type: ignore[method-assign]  # a defect replaces a method
