"""Sets a buffer aside for each connection that could take the largest message there may be.

Breaks bounded memory: a hundred clients cost a hundred megabytes, whatever they do. With ten of them nobody looks.
"""

from __future__ import annotations

from reference_server.connection import Connection
from reference_server.parts import Parts

DESCRIPTION = "every connection takes a megabyte of memory and more, whatever its client does"


def install(parts: Parts) -> None:
    """Set it aside, and give it back with the connection."""
    add, remove = parts.registry.add, parts.registry.remove
    size = parts.settings.websocket_max_message_bytes
    buffers: dict[Connection, bytearray] = {}

    def enter(connection: Connection) -> None:
        buffers[connection] = bytearray(b"\xff") * (size + size // 4)
        add(connection)

    def leave(connection: Connection) -> None:
        buffers.pop(connection, None)
        remove(connection)

    parts.registry.add = enter  # type: ignore[method-assign]  # a defect replaces a method
    parts.registry.remove = leave  # type: ignore[method-assign]  # a defect replaces a method
