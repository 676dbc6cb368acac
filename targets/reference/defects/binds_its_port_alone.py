"""Binds its port without SO_REUSEADDR.

Breaks restarts: a server ends TCP first, as RFC 6455 wants it, so the ends of its last connections stay in TIME_WAIT on
its own port for a minute, and nobody else may bind that. A first start always succeeds, and so does the restart of a
server whom nobody used.
"""

from __future__ import annotations

import socket

from reference_server import listener
from reference_server.parts import Parts

DESCRIPTION = "the port cannot be bound again for a minute after the server has ended"


def prepare() -> None:
    """The port is bound before there are parts."""

    def alone(_listener: socket.socket) -> None:
        """As it comes from the kernel."""

    listener.share_the_address = alone


def install(parts: Parts) -> None:
    """Nothing: when there are parts, the port has been bound."""
