"""`/echo`: every message comes back with its type, and nothing else ever does."""

from __future__ import annotations

from typing import ClassVar

from reference_server.connection import Connection
from reference_server.endpoints.base import Endpoint
from reference_server.outbox import Message


class Echo(Endpoint):
    """Text comes back as text, binary as binary. Clients are closed without a warning in words."""

    name: ClassVar[str] = "echo"
    warns: ClassVar[bool] = False

    async def received(self, connection: Connection, message: Message) -> None:
        """Send it back."""
        await connection.outbox.put(message)
