"""Sets aside what a client has said lately, in case somebody asks, as soon as it is let in.

Breaks bounded memory: a connection costs ten times what it did, said something or not. The whole still fits on the
machine that it was tried on.
"""

from __future__ import annotations

from reference_server.connection import Connection
from reference_server.parts import Parts

DESCRIPTION = "a connection costs four hundred kilobytes more than it has to"

HISTORY = 400_000
"""Bytes."""


def install(parts: Parts) -> None:
    """Set it aside, and give it back with the connection."""
    add, remove = parts.registry.add, parts.registry.remove
    histories: dict[Connection, bytearray] = {}

    def enter(connection: Connection) -> None:
        histories[connection] = bytearray(b"\xff") * HISTORY
        add(connection)

    def leave(connection: Connection) -> None:
        histories.pop(connection, None)
        remove(connection)

    parts.registry.add = enter  # type: ignore[method-assign]  # a defect replaces a method
    parts.registry.remove = leave  # type: ignore[method-assign]  # a defect replaces a method
