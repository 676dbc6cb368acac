"""Lets an error in decoding a message through to where only errors of the process itself are expected.

Breaks survival: two bytes from one client end everybody's connection.
"""

from __future__ import annotations

import logging
import os

from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "the first text that is not UTF-8 ends the whole process"

logger = logging.getLogger(__name__)


def install(parts: Parts) -> None:
    """No handler for it, so it is fatal."""
    pass_on = WebSocketProtocol.send_receive_event_to_app

    def send_receive_event_to_app(self: WebSocketProtocol) -> None:
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError as error:
                logger.critical("unexpected error, going down: %s", error)
                os._exit(1)
        pass_on(self)

    WebSocketProtocol.send_receive_event_to_app = send_receive_event_to_app  # type: ignore[method-assign]  # a defect
