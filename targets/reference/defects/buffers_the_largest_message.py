"""Gives each client a buffer for the largest message that it may send.

Breaks pressure: a megabyte is nothing, and it is given back with the client. A hundred of them are more than the
container was given for everybody, and then the kernel ends the server of all.
"""

from __future__ import annotations

from reference_server.connection import Connection
from reference_server.parts import Parts

DESCRIPTION = "each client takes a megabyte while it is there"

LARGEST = 1 << 20
"""Bytes; what `fast` takes at most."""


def install(parts: Parts) -> None:
    """From its entry to its end."""
    buffers: dict[Connection, bytes] = {}
    add, remove = parts.registry.add, parts.registry.remove

    def enter(connection: Connection) -> None:
        buffers[connection] = b"\xff" * LARGEST  # written to, or the kernel would give it no memory
        add(connection)

    def leave(connection: Connection) -> None:
        buffers.pop(connection, None)
        remove(connection)

    parts.registry.add = enter  # type: ignore[method-assign]  # a defect replaces a method
    parts.registry.remove = leave  # type: ignore[method-assign]  # a defect replaces a method
