"""The scripted upstream in the test's own process, and what a caller of it gets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from chaos.address import Address
from chaos.faults.evidence import POLL
from chaos.probes.http import get
from chaos.runtime.ports import free_ports
from chaos.upstream.client import UpstreamControl
from chaos.upstream.server import Upstream
from tests.unit.faults.stage import PATIENCE

__all__ = ["ScriptedUpstream", "asked", "scripted_upstream"]


@dataclass(frozen=True, slots=True)
class ScriptedUpstream:
    """Where it answers, and the hand on it."""

    address: Address
    control: UpstreamControl


@contextlib.asynccontextmanager
async def scripted_upstream() -> AsyncIterator[ScriptedUpstream]:
    port, control = free_ports(2)
    upstream = Upstream(host="127.0.0.1", port=port, control=control, health="/health")
    serving = asyncio.create_task(upstream.serve())
    made = ScriptedUpstream(Address("127.0.0.1", port), UpstreamControl(Address("127.0.0.1", control)))
    try:
        await _until_it_serves(Address("127.0.0.1", control))
        yield made
    finally:
        # What hangs is let go of, or its connections would outlive the loop.
        await made.control.mode("refuse")
        serving.cancel()
        await asyncio.wait([serving])


async def asked(address: Address, *, within: float = PATIENCE) -> int | str:
    """What a caller gets: a status, or the name of what kept it from one."""
    try:
        return (await get(address, "/value", within=within)).status
    except (OSError, ValueError) as error:
        return type(error).__name__


async def _until_it_serves(control: Address) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await get(control, "/_hits", within=PATIENCE)
            except ConnectionRefusedError:
                await asyncio.sleep(POLL)
            else:
                return
