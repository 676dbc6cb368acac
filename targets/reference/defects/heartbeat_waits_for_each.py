"""Pings one client after the other, and waits for each pong before the next one's turn.

Breaks the heartbeat's period: with clients that answer a round takes milliseconds. One that does not answer holds up
everybody behind it for as long as it takes to call it dead, so those who live are pinged late, or not at all.
"""

from __future__ import annotations

import asyncio

from reference_server.parts import Parts

DESCRIPTION = "a client that does not answer its ping holds up the pings to all others"

LOOK_AGAIN = 0.005
"""Seconds between looks for the pong."""


def install(parts: Parts) -> None:
    """A round of pings begins when the last one is over."""
    heartbeat = parts.heartbeat
    under_way: asyncio.Task[None] | None = None

    async def ping_in_turn() -> None:
        for connection in parts.registry.all():
            heartbeat.look(connection)
            heartbeat.ping(connection)
            while connection.liveness.unanswered and not connection.ended:  # noqa: ASYNC110  # no event
                await asyncio.sleep(LOOK_AGAIN)

    def beat() -> None:
        nonlocal under_way
        if under_way is None or under_way.done():
            under_way = asyncio.create_task(ping_in_turn())

    heartbeat.beat = beat  # type: ignore[method-assign]  # a defect replaces a method
