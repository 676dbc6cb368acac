"""Keeps the file of a connection that is reset before its request is complete, for a report that nobody writes.

Breaks survival: the kernel has forgotten the connection and the server has not. Each client that crashes in its request
costs one file descriptor for good, until there are none left to accept anybody with.
"""

from __future__ import annotations

import asyncio
import os

from reference_server.http_protocol import HttpProtocol
from reference_server.parts import Parts

DESCRIPTION = "each connection that is reset in the middle of its request costs a file descriptor for good"


def install(parts: Parts) -> None:
    """Another name for the socket, which is given up once the request is complete or the client has said good-bye."""
    made_as_before, lost_as_before = HttpProtocol.connection_made, HttpProtocol.connection_lost
    complete_as_before = HttpProtocol.on_message_complete
    noted: dict[HttpProtocol, int] = {}

    def forget(protocol: HttpProtocol) -> None:
        number = noted.pop(protocol, None)
        if number is not None:
            os.close(number)

    def connection_made(self: HttpProtocol, transport: asyncio.Transport) -> None:
        noted[self] = os.dup(transport.get_extra_info("socket").fileno())
        made_as_before(self, transport)

    def on_message_complete(self: HttpProtocol) -> None:
        forget(self)
        complete_as_before(self)

    def eof_received(self: HttpProtocol) -> None:
        forget(self)
        eof_as_before(self)

    def connection_lost(self: HttpProtocol, exc: Exception | None) -> None:
        if exc is None:
            forget(self)
        lost_as_before(self, exc)

    eof_as_before = HttpProtocol.eof_received
    HttpProtocol.connection_made = connection_made  # type: ignore[method-assign]  # a defect replaces a method
    HttpProtocol.on_message_complete = on_message_complete  # type: ignore[method-assign]  # a defect replaces a method
    HttpProtocol.eof_received = eof_received  # type: ignore[method-assign]  # a defect replaces a method
    HttpProtocol.connection_lost = connection_lost  # type: ignore[method-assign]  # a defect replaces a method
