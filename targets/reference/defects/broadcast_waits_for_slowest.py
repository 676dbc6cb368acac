"""Sends an update, pings every listener, and sends the next update only when all of them have answered.

Breaks delivery: one listener that has stopped reading holds the broadcast up for everybody, until the heartbeat finds
it dead. It was meant as flow control, so that nobody falls behind; it makes everyone as slow as the slowest.
"""

from __future__ import annotations

import asyncio

from reference_server.feed import ENDPOINT
from reference_server.parts import Parts

DESCRIPTION = "the next broadcast waits until every listener has confirmed the last one"

LOOK_AGAIN = 0.005
"""Seconds between looks for missing confirmations."""


def install(parts: Parts) -> None:
    """A round of the broadcast begins when the last one is over."""
    send_to_everyone = parts.feed.broadcast
    under_way: asyncio.Task[None] | None = None

    async def send_and_wait() -> None:
        send_to_everyone()
        for listener in parts.registry.of(ENDPOINT):
            parts.heartbeat.ping(listener)
        while any(listener.liveness.unanswered for listener in parts.registry.of(ENDPOINT)):  # noqa: ASYNC110  # no event
            await asyncio.sleep(LOOK_AGAIN)

    def broadcast() -> None:
        nonlocal under_way
        if under_way is None or under_way.done():
            under_way = asyncio.create_task(send_and_wait())

    parts.feed.broadcast = broadcast  # type: ignore[method-assign]  # a defect replaces a method
