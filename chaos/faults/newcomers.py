"""Clients of a fault's own that come, are upgraded and go, again and again: work for a server that is short of CPU."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from chaos.errors import ChaosError, FaultError
from chaos.faults.base import Scene
from chaos.faults.evidence import POLL, connect_uncounted, host_inside
from chaos.faults.upgrade import upgrade_request
from chaos.hostile.frames import close
from chaos.probes.http import read_head
from chaos.probes.tls import end, stream_options, streams_over

__all__ = ["Newcomers", "newcomers"]

_GOODBYE = close(1000)
_CHUNK = 1 << 16
_UPGRADED = 101


class Newcomers:
    """How many have come so far."""

    served: int = 0
    """Whom the server has upgraded, and let go."""
    refused: int = 0
    """Who got another answer: that is work as well, and no service."""
    failed: int = 0
    """Cut off without a whole answer, or given up after the scene's patience."""


@contextlib.asynccontextmanager
async def newcomers(scene: Scene, at_once: int) -> AsyncIterator[Newcomers]:
    """While open, `at_once` clients at a time connect, say goodbye and are gone, from where nobody counts connections.

    Each place is taken again only when its client has gone, so a server that is slow is not given more than it takes.
    Their bytes are made once: a tenth of what a library costs, so that it is the server that is busy. Raises FaultError
    where nobody listens, and at the end where one of them has stopped coming; AgentError where the agent is gone.
    """
    host = await host_inside(scene.the_agent(), scene.server.port)
    count = Newcomers()
    coming = [asyncio.create_task(_come_and_go(scene, host, count)) for _ in range(at_once)]
    try:
        yield count
    finally:
        for each in coming:
            each.cancel()
        ends = await asyncio.gather(*coming, return_exceptions=True)
        died = [ended for ended in ends if isinstance(ended, Exception)]
        if died:  # a bug of ours: fewer came than it takes, and nobody would know
            raise FaultError(f"{len(died)} of {at_once} newcomers stopped coming: {died[0]!r}") from died[0]


async def _come_and_go(scene: Scene, host: str, count: Newcomers) -> None:
    request = upgrade_request(scene).encode()
    while True:
        try:
            async with asyncio.timeout(scene.patience):
                status = await _visit(scene, host, request)
        except (ChaosError, OSError, TimeoutError, ValueError):
            count.failed += 1
            await asyncio.sleep(POLL)
            continue
        count.served += status == _UPGRADED
        count.refused += status != _UPGRADED


async def _visit(scene: Scene, host: str, request: bytes) -> int:
    """The status that the server answers; one that it has upgraded says goodbye and stays until it has been let go.

    Raises ValueError for an end before the whole head of an answer and for what is no such head, AgentError, OSError.
    """
    made = await connect_uncounted(scene.the_agent(), host, scene.server.port, timeout=scene.patience)
    reader, writer = await streams_over(made, stream_options(scene.tls, within=scene.patience))
    try:
        writer.write(request)
        status, _, _ = await read_head(reader)
        if status == _UPGRADED:
            writer.write(_GOODBYE)
            while await reader.read(_CHUNK):
                pass  # what else it has to say: a greeting, its own goodbye
        return status
    finally:
        end(writer)
