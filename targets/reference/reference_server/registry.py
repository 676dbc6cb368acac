"""Who is connected, by endpoint."""

from __future__ import annotations

from collections.abc import Collection

from reference_server.connection import Connection


class Registry:
    """All established connections. Reads give snapshots: members may come and go while one is walked through."""

    def __init__(self) -> None:
        self._by_endpoint: dict[str, dict[Connection, None]] = {}

    def __len__(self) -> int:
        return sum(len(members) for members in self._by_endpoint.values())

    def add(self, connection: Connection) -> None:
        """Enter an established connection."""
        self._by_endpoint.setdefault(connection.endpoint, {})[connection] = None

    def remove(self, connection: Connection) -> None:
        """Take it out; harmless if it is not in."""
        self._by_endpoint.get(connection.endpoint, {}).pop(connection, None)

    def of(self, endpoint: str) -> Collection[Connection]:
        """Those connected to one endpoint, in the order they came."""
        return tuple(self._by_endpoint.get(endpoint, ()))

    def all(self) -> Collection[Connection]:
        """All of them."""
        return tuple(connection for members in self._by_endpoint.values() for connection in members)

    def counts(self) -> dict[str, int]:
        """Number of connections by endpoint."""
        return {endpoint: len(members) for endpoint, members in sorted(self._by_endpoint.items())}
