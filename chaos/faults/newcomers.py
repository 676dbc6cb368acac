"""Clients of a fault's own that come, say their word and go, one after the other: work for a server that is short."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from websockets.exceptions import WebSocketException

from chaos.errors import ChaosError
from chaos.faults.base import Scene
from chaos.faults.evidence import POLL, host_inside, uncounted_source
from chaos.probes.conversation import open_connection

__all__ = ["Newcomers", "newcomers"]


class Newcomers:
    """How many have come so far."""

    served: int = 0
    """Upgraded, and closed with a close frame from both sides."""
    failed: int = 0
    """Refused, cut off, or given up after the scene's patience."""


@contextlib.asynccontextmanager
async def newcomers(scene: Scene) -> AsyncIterator[Newcomers]:
    """While open, one client at a time connects and closes, from where nobody counts connections.

    Each waits for the one before, so a server that is slow is not given more than it takes. Raises FaultError where
    nobody listens, AgentError where the agent is gone.
    """
    host = await host_inside(scene.the_agent(), scene.server.port)
    count = Newcomers()
    coming = asyncio.create_task(_come_and_go(scene, host, count))
    try:
        yield count
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


async def _come_and_go(scene: Scene, host: str, count: Newcomers) -> None:
    while True:
        try:
            await _visit(scene, host)
        except (ChaosError, OSError, TimeoutError, WebSocketException):
            count.failed += 1
            await asyncio.sleep(POLL)
        else:
            count.served += 1


async def _visit(scene: Scene, host: str) -> None:
    made = await scene.the_agent().connect(
        host, scene.server.port, timeout=scene.patience, source_host=uncounted_source(host)
    )
    try:
        connection = await open_connection(
            scene.server.address,
            scene.echo.path,
            within=scene.patience,
            headers=dict(scene.echo.headers),
            subprotocol=scene.echo.subprotocol,
            tls=scene.tls,
            sock=made,
        )
    except BaseException:
        made.close()
        raise
    try:
        await connection.close()
    finally:
        connection.transport.abort()
