"""Starts a task for everyone who leaves, to tell whoever asks for them later, and nobody ever asks.

Breaks leak-free: the number of tasks grows with the connections there have ever been. Each is a kilobyte or two, which
an allocator that still fills hides for thousands of connections.
"""

from __future__ import annotations

import asyncio

from reference_server.connection import Connection
from reference_server.parts import Parts

DESCRIPTION = "every ended connection leaves a task that waits for ever"


def install(parts: Parts) -> None:
    """One task a connection, which waits for what nobody does."""
    waiting: set[asyncio.Task[bool]] = set()
    forget = parts.registry.remove

    def remove(connection: Connection) -> None:
        if connection in parts.registry.of(connection.endpoint):
            waiting.add(asyncio.get_running_loop().create_task(asyncio.Event().wait()))
        forget(connection)

    parts.registry.remove = remove  # type: ignore[method-assign]  # a defect replaces a method
