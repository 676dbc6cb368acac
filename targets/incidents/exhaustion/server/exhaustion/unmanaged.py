"""Before the fix: a list of connections, to which each one is added."""

from __future__ import annotations

from exhaustion.connection import Connection


class ConnectionList:
    """No limit, no idle timeout, no clean-up: who has gone is still in the list."""

    def __init__(self) -> None:
        self.connections: list[Connection] = []
        self.accepted = 0
        self.received = 0

    def admit(self, number: int) -> str | None:
        """Everybody is let in."""
        return None

    def joined(self, connection: Connection) -> None:
        """Remember it."""
        self.connections.append(connection)
        self.accepted += 1

    def gave_up(self, number: int) -> None:
        """Nothing was taken."""

    def heard(self, connection: Connection) -> None:
        """It has said something."""
        self.received += 1

    def left(self, connection: Connection) -> None:
        """It has gone. Nobody looks for it in the list."""

    async def run(self) -> None:
        """There is nothing to be done meanwhile."""

    def statistics(self) -> dict[str, object]:
        """What it can tell."""
        return {
            "connections": len(self.connections),
            "accepted": self.accepted,
            "rejected": {"total": 0},
            "ended": 0,
            "dead": 0,
            "received": self.received,
            "alerts": [],
        }
