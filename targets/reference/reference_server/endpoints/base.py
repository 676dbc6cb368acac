"""What an endpoint decides: how a connection is established, and what is done with each message."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from reference_server.connection import Connection
from reference_server.establishment import Establishment
from reference_server.outbox import Message


class Endpoint(ABC):
    """The behaviour of one path."""

    name: ClassVar[str]
    warns: ClassVar[bool] = True
    """Whether clients here get the server's warnings as messages."""
    idles: ClassVar[bool] = True
    """Whether clients who say nothing are closed."""

    async def establish(self, establishment: Establishment) -> None:
        """Let the client in."""
        await establishment.run()

    @abstractmethod
    async def received(self, connection: Connection, message: Message) -> None:
        """Deal with one message. The next one is read when this is done."""
