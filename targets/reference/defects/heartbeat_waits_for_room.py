"""Pings one client after the other, and waits until each one's kernel has made room before the next one's turn.

Breaks the heartbeat's period: a client that is silent takes its ping and holds nobody up. One that has stopped reading
takes nothing, and everybody behind it waits until it is found dead. It is what waiting for a low-water mark after each
ping does, with `await drain()` and narrow limits for one.
"""

from __future__ import annotations

import asyncio

from reference_server.parts import Parts

DESCRIPTION = "a client that has stopped reading holds up the pings to all others"

LOW_WATER = 256
"""Bytes that may be on their way: several pings, and less than a window that is shut keeps back."""

LOOK_AGAIN = 0.005
"""Seconds between looks for room."""


def install(parts: Parts) -> None:
    """A round of pings begins when the last one is over."""
    heartbeat = parts.heartbeat
    under_way: asyncio.Task[None] | None = None

    async def ping_in_turn() -> None:
        for connection in parts.registry.all():
            heartbeat.look(connection)
            heartbeat.ping(connection)
            while connection.wire.evidence().outstanding > LOW_WATER and not connection.ended:  # noqa: ASYNC110  # no event
                await asyncio.sleep(LOOK_AGAIN)

    def beat() -> None:
        nonlocal under_way
        if under_way is None or under_way.done():
            under_way = asyncio.create_task(ping_in_turn())

    heartbeat.beat = beat  # type: ignore[method-assign]  # a defect replaces a method
