"""Asks everybody inside for a pong before it turns a newcomer away, one newcomer after the other.

Breaks rejection where a burst comes while the network is bad: a place might have become free, so it is worth to ask,
and on a fast network that takes half a millisecond. With one client far away a burst of fifty waits for fifty of its
round trips.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets

from reference_server.connection import Connection
from reference_server.parts import Parts
from reference_server.websocket_protocol import WebSocketProtocol

DESCRIPTION = "each refusal waits for a pong of everybody who is inside"

PATIENCE = 1.0
"""Seconds, for all of them."""


def install(parts: Parts) -> None:
    """Between the request and all that is done about it, where every place is taken."""
    serve_as_before = WebSocketProtocol.run_asgi
    line = asyncio.Lock()

    async def everybody_answers() -> None:
        payload, silent = secrets.token_bytes(8), set(parts.registry.all())
        answered = asyncio.Event()

        def listen(connection: Connection) -> None:
            hear = connection.wire.on_pong

            def on_pong(data: bytes) -> None:
                hear(data)
                if data == payload:
                    silent.discard(connection)
                    connection.wire.on_pong = hear
                    if not silent:
                        answered.set()

            connection.wire.on_pong = on_pong
            connection.wire.ping(payload)

        for connection in tuple(silent):
            listen(connection)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await answered.wait()

    async def run_asgi(self: WebSocketProtocol) -> None:
        if parts.admission.inside >= parts.admission.limit:
            async with line:
                await everybody_answers()
        await serve_as_before(self)

    WebSocketProtocol.run_asgi = run_asgi  # type: ignore[method-assign,assignment]  # a defect replaces a method
