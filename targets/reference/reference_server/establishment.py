"""The steps from an upgrade request to an established connection, and their order for ordinary endpoints."""

from __future__ import annotations

import asyncio
import json

from starlette.datastructures import QueryParams
from starlette.websockets import WebSocket

from reference_server.connection import Connection
from reference_server.parts import Parts
from reference_server.rejection import Rejected


class Establishment:
    """One connection being established; `accepted` says how far it has come."""

    def __init__(self, websocket: WebSocket, connection: Connection, parts: Parts) -> None:
        self.connection = connection
        self.parts = parts
        self.accepted = False
        self._websocket = websocket

    @property
    def query(self) -> QueryParams:
        """What the request's address says behind its question mark."""
        return self._websocket.query_params

    async def authenticate(self) -> None:
        """Check the token. Raises Rejected."""
        rejection = self.parts.gate.token(self._websocket)
        if rejection is not None:
            raise Rejected(rejection)

    async def accept(self) -> None:
        """Send the 101."""
        await self._websocket.accept(headers=[(b"x-correlation-id", self.connection.id.encode("ascii"))])
        self.accepted = True
        self.parts.counters.accepted += 1

    async def register(self) -> None:
        """From now on the connection gets broadcasts, pings and warnings."""
        self.parts.heartbeat.watch(self.connection)
        self.parts.registry.add(self.connection)
        self.parts.backpressure.joined(self.connection)

    async def greet(self, greeting: dict[str, object]) -> None:
        """Queue the first message."""
        await self.connection.outbox.put(json.dumps(greeting))

    async def run(self) -> None:
        """All that an ordinary endpoint needs."""
        await self.authenticate()
        await self.accept()
        await self.register()


async def while_connected(wire_lost: asyncio.Future[None], task: asyncio.Task[None]) -> None:
    """Await the task, but cancel it as soon as the client is gone: nobody waits for its result any more."""
    try:
        await asyncio.wait({task, wire_lost}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
    if not task.cancelled():
        task.result()
