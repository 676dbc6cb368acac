"""`/feed`: listen to the broadcast."""

from __future__ import annotations

from typing import ClassVar

from reference_server.connection import Connection
from reference_server.endpoints.base import Endpoint
from reference_server.feed import ENDPOINT
from reference_server.outbox import Message


class Feed(Endpoint):
    """A listener need not say anything, so there is no idle timeout here; what it says is not answered."""

    name: ClassVar[str] = ENDPOINT
    idles: ClassVar[bool] = False

    async def received(self, connection: Connection, message: Message) -> None:
        """Nothing to do: the registry is the list of listeners."""
