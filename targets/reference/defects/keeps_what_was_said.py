"""Keeps a page for each message of a client until it leaves, to draw up a protocol of the conversation then.

Breaks pressure: one client's conversation is short, and all of it is given back. A full house that talks takes more
memory with each message, until there is none.
"""

from __future__ import annotations

from reference_server.connection import Connection
from reference_server.parts import Parts

DESCRIPTION = "each message takes a quarter of a megabyte for as long as its sender stays"

PAGE = 1 << 18
"""Bytes."""


def install(parts: Parts) -> None:
    """From a message to its sender's end."""
    pages: dict[Connection, list[bytes]] = {}
    heard_as_before, remove = Connection.heard, parts.registry.remove

    def heard(self: Connection) -> None:
        pages.setdefault(self, []).append(b"\xff" * PAGE)  # written to, or the kernel would give it no memory
        heard_as_before(self)

    def leave(connection: Connection) -> None:
        pages.pop(connection, None)
        remove(connection)

    Connection.heard = heard  # type: ignore[method-assign]  # a defect replaces a method
    parts.registry.remove = leave  # type: ignore[method-assign]  # a defect replaces a method
