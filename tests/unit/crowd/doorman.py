"""An echo server that knows who is inside."""

from __future__ import annotations

from websockets.asyncio.server import ServerConnection

from .servers import echo

__all__ = ["Doorman"]


class Doorman:
    """An echo server that counts who is inside, and how many were at the same time."""

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self.visits = 0

    async def __call__(self, connection: ServerConnection) -> None:
        self.inside += 1
        self.visits += 1
        self.most = max(self.most, self.inside)
        try:
            await echo(connection)
        finally:
            self.inside -= 1
