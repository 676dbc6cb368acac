"""`/live`: JSON in, JSON out, with the server's warnings in between."""

from __future__ import annotations

import json
from typing import ClassVar

from reference_server.connection import Connection
from reference_server.endpoints.base import Endpoint
from reference_server.outbox import Message


class NotJson(Exception):
    """The message is none of ours; the text says what is."""


def decode(message: Message) -> object:
    """The JSON value in a text message. Raises NotJson."""
    if isinstance(message, bytes):
        raise NotJson("expected a JSON text message, found a binary one")
    try:
        value: object = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise NotJson(f"expected a JSON text message, found {type(error).__name__}") from error
    return value


class Live(Endpoint):
    """Echoes each JSON message as `{"type": "echo", "data": …}`."""

    name: ClassVar[str] = "live"

    async def received(self, connection: Connection, message: Message) -> None:
        """Echo it, or say what is wrong with it."""
        try:
            await connection.reply({"type": "echo", "data": decode(message)})
        except NotJson as problem:
            await connection.reply({"type": "error", "message": str(problem)})
