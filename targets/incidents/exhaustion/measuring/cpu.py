"""Shares of one core with every place taken.

One thing at a time is done many times as often as it is told to be, and what it costs is what the service then uses
more than it does in peace: at its own pace each is too small to be seen.
"""

from __future__ import annotations

import asyncio
import time

from websockets.asyncio.client import ClientConnection

from measuring.clients import ECHO, clients
from measuring.service import Row, Service, service

PLACES = 100
WINDOW = 5.0
"""Seconds that are looked at."""
NEVER = "3000"
HEARTBEAT, HEARTBEAT_TOLD = 0.5, 30.0
CLEANUP, CLEANUP_TOLD = 0.1, 60.0
"""Seconds between two: here, and as told."""
MESSAGES = 10
"""A second, of each client: the soak's."""
ASKS = 10
"""A second, of /metrics; how often it is looked at is not told, once a second is ours."""


async def rows() -> list[Row]:
    """Heartbeat, clean-up, handling, monitoring, and all together."""
    with service(HEARTBEAT_INTERVAL_SECONDS=NEVER, CLEANUP_INTERVAL_SECONDS=NEVER) as quiet:
        async with clients(quiet, PLACES) as inside:
            peace = await _share(quiet)
            talking = asyncio.create_task(_talk(inside))
            handling = await _share(quiet) - peace
            talking.cancel()
            await asyncio.sleep(0.5)
            asking = asyncio.create_task(_ask(quiet))
            monitoring = (await _share(quiet) - peace) / ASKS
            asking.cancel()
    heartbeat = await _more_than(peace, HEARTBEAT_INTERVAL_SECONDS=f"{HEARTBEAT}", CLEANUP_INTERVAL_SECONDS=NEVER)
    cleanup = await _more_than(peace, HEARTBEAT_INTERVAL_SECONDS=NEVER, CLEANUP_INTERVAL_SECONDS=f"{CLEANUP}")
    heartbeat, cleanup = heartbeat * HEARTBEAT / HEARTBEAT_TOLD, cleanup * CLEANUP / CLEANUP_TOLD
    idle = peace + heartbeat + cleanup + monitoring
    return [
        Row("CPU, nothing to do (uvicorn's and the manager's ticks)", "-", f"{peace:.2%}"),
        Row("CPU, heartbeat every 30 s", "under 0.5 %", f"{heartbeat:.3%}"),
        Row("CPU, clean-up every 60 s", "under 1 %", f"{cleanup:.4%}"),
        Row("CPU, monitoring once a second", "0.45 %", f"{monitoring:.2%}"),
        Row("CPU, all of these with 100 connections", "under 4 %", f"{idle:.2%}"),
        Row(f"CPU, handling {MESSAGES * PLACES} messages a second, as in the soak", "under 2 %", f"{handling:.1%}"),
    ]


async def _more_than(peace: float, **settings: str) -> float:
    with service(HEARTBEAT_TIMEOUT_SECONDS="90", **settings) as running:
        async with clients(running, PLACES):
            return await _share(running) - peace


async def _share(running: Service) -> float:
    await asyncio.sleep(0.5)
    began, used = time.monotonic(), running.cpu()
    await asyncio.sleep(WINDOW)
    return (running.cpu() - used) / (time.monotonic() - began)


async def _talk(inside: list[ClientConnection]) -> None:
    """Each says something so many times a second, a hundredth of them at a time; the answers are read beside it."""

    async def read(connection: ClientConnection) -> None:
        async for _ in connection:
            pass

    async with asyncio.TaskGroup() as readers:
        for each in inside:
            readers.create_task(read(each))
        due = time.monotonic()
        while True:
            for each in inside:
                due += 1 / (MESSAGES * len(inside))
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await each.send(ECHO)


async def _ask(running: Service) -> None:
    while True:
        await asyncio.to_thread(running.metrics)
        await asyncio.sleep(1 / ASKS)
