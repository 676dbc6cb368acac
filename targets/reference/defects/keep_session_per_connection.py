"""Keeps the session of everyone who leaves, for a client that comes back to it, and lets none of them expire.

Breaks leak-free: the number of sessions grows with the connections there have ever been. A token is too small for the
memory to show it in hours, and there is neither a descriptor nor a task to it: only the server's own count tells.
"""

from __future__ import annotations

import secrets

from reference_server.connection import Connection
from reference_server.parts import Parts
from reference_server.registry import Registry

DESCRIPTION = "the session of every ended connection is counted for ever"


def install(parts: Parts) -> None:
    """Remember a token of everyone who leaves, and count it."""
    resumable: list[str] = []
    forget = parts.registry.remove
    count = Registry.__len__

    def remove(connection: Connection) -> None:
        if connection in parts.registry.of(connection.endpoint):
            resumable.append(secrets.token_hex(8))
        forget(connection)

    def length(self: Registry) -> int:
        return count(self) + len(resumable)

    parts.registry.remove = remove  # type: ignore[method-assign]  # a defect replaces a method
    Registry.__len__ = length  # type: ignore[method-assign]  # a defect replaces a method
