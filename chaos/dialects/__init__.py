"""What is spoken inside the WebSocket messages of a server, without any I/O: one dialect, one file.

    base         what a dialect is, and what a client hears in it
    websocket    plain WebSocket: each message as it is
    socketio     Socket.IO 5 over Engine.IO 4, by WebSocket alone
    conformance  tests to inherit for a dialect of one's own

A dialect of another package is found by its entry point in the group "chaos.dialects", which names a `Dialect`.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

from chaos.dialects.base import Dialect
from chaos.dialects.socketio import SocketIo
from chaos.dialects.websocket import PlainWebSocket
from chaos.errors import ConfigurationError

__all__ = ["DIALECTS", "SOCKET_IO", "WEBSOCKET", "Dialect", "dialect_named", "known_dialects"]

DIALECTS: tuple[type[Dialect], ...] = (PlainWebSocket, SocketIo)
"""The dialects of this package."""

WEBSOCKET = PlainWebSocket.name
SOCKET_IO = SocketIo.name


def known_dialects() -> dict[str, type[Dialect]]:
    """Name to dialect, those of other packages included. Raises ConfigurationError for a name that is taken twice."""
    known = {dialect.name: dialect for dialect in DIALECTS}
    for entry in entry_points(group="chaos.dialects"):
        dialect = entry.load()
        if dialect.name in known:
            raise ConfigurationError(
                f"{entry.value} calls its dialect {dialect.name!r}, which is the name of another one"
            )
        known[dialect.name] = dialect
    return known


@cache
def dialect_named(name: str) -> Dialect:
    """A dialect by its name. Raises ConfigurationError for one that nobody speaks here."""
    known = known_dialects()
    if name not in known:
        raise ConfigurationError(f"there is no dialect {name!r}; there are {', '.join(map(repr, known))}")
    return known[name]()
