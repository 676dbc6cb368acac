"""The read pump: what a client says is answered into its outbox. It is the same before the fix and after it."""

from __future__ import annotations

import json

from hub.rate import Rate
from hub.registry import Client

POLICY_VIOLATION = 1008


async def read_pump(client: Client) -> None:
    """Read until the connection is over."""
    rate = Rate(client.settings.message_rate)
    async for message in client.connection:
        if not rate.allows():
            await client.connection.close(POLICY_VIOLATION, "too many messages")
            return
        await client.outbox.put(await _answer(client, message))


async def _answer(client: Client, message: str | bytes) -> str:
    try:
        request = json.loads(message)
    except (ValueError, RecursionError):
        return json.dumps({"type": "error", "message": "not JSON"})
    kind, number = (request.get("type"), request.get("id")) if isinstance(request, dict) else (None, None)
    if kind == "echo":
        return json.dumps({"type": "echo", "id": number})
    if kind == "get":
        return json.dumps({"type": "data", "id": number, **await client.source.get()})
    return json.dumps({"type": "error", "message": "type is echo or get"})
