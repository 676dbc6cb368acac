"""Answers a client's close, and leaves it to the client to end TCP.

Breaks closing: RFC 6455 (7.1.1) has the server end TCP, so that it is the server that waits in TIME_WAIT, and a client
waits for that. Here each of them waits for as long as it can, and then says that the close failed. Seen in
simple-websocket 1.1.0, under Flask-SocketIO's development server: TCP was there 35 s after the close frame.
"""

from __future__ import annotations

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "a client's close is answered, and TCP is never ended"


def install(parts: Parts) -> None:
    """A close frame, and neither a FIN nor a deadline."""

    def answer_close(self: WebSocketProtocol) -> None:
        if self.close_answer is not None and not self.close_sent:
            self.transport.write(self.close_answer)
            self.close_sent = True
        if self.close_timer is not None:
            self.close_timer.cancel()
        if self.transport._deadline is not None:
            self.transport._deadline.cancel()

    WebSocketProtocol.answer_close = answer_close  # type: ignore[method-assign]  # a defect replaces a method
