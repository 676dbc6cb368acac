"""Keeps every ended connection for a page of recent connections, and never forgets one.

Breaks leak-free: memory grows with the number of connections there have ever been, whichever way they ended. The
object kept looks small; it holds its protocol, its parser, its request and its queues.
"""

from __future__ import annotations

from reference_server.connection import Connection
from reference_server.parts import Parts

DESCRIPTION = "some memory of every ended connection is never given back"


def install(parts: Parts) -> None:
    """Remember who leaves."""
    recent: list[Connection] = []
    forget = parts.registry.remove

    def remove(connection: Connection) -> None:
        recent.append(connection)
        forget(connection)

    parts.registry.remove = remove  # type: ignore[method-assign]  # a defect replaces a method
