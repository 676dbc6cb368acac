"""`/data`: ask for the upstream's value."""

from __future__ import annotations

from typing import ClassVar

from reference_server.connection import Connection
from reference_server.endpoints.base import Endpoint
from reference_server.endpoints.live import NotJson, decode
from reference_server.outbox import Message
from reference_server.source import Source, Unavailable


class Data(Endpoint):
    """`{"type": "get", "id": …}` is answered with the value, live or cached, or with the time to ask again."""

    name: ClassVar[str] = "data"

    def __init__(self, source: Source) -> None:
        self._source = source

    async def received(self, connection: Connection, message: Message) -> None:
        """Answer one request; `id` comes back as it was sent."""
        try:
            request = decode(message)
        except NotJson as problem:
            await connection.reply({"type": "error", "message": str(problem)})
            return
        if not isinstance(request, dict) or request.get("type") != "get":
            await connection.reply({"type": "error", "message": 'expected {"type": "get", "id": …}'})
            return
        await connection.reply({"id": request.get("id"), **await self._answer()})

    async def _answer(self) -> dict[str, object]:
        try:
            answer = await self._source.get()
        except Unavailable as nothing:
            return {"type": "unavailable", "retry_after": round(nothing.retry_after, 3)}
        return {"type": "data", "source": answer.source, "age": round(answer.age, 3), "value": answer.value}
