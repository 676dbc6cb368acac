"""A server that may have little more memory: who asks for more is killed, and it is whole again afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from chaos.agent.async_client import AsyncAgent
from chaos.agent.control_groups import MEMORY, find_hierarchy
from chaos.agent.types import GroupLimit
from chaos.faults import evidence
from chaos.faults.base import Scene
from chaos.faults.memory_limit import MemoryLimit
from chaos.journal import Bite, HealingState
from chaos.probes.conversation import open_connection
from tests.unit.faults.spawned import SpawnedServer, start_server
from tests.unit.faults.stage import PATIENCE, make_scene, run_fault, run_with_broken_body
from tests.unit.links.servers import free_port

LITTLE = MemoryLimit(spare=1 << 24)


@pytest.fixture
async def server(agent: AsyncAgent, tmp_path: Path) -> AsyncIterator[SpawnedServer]:
    can = (await agent.hello()).can["memory_limit"]
    if not can.available:
        pytest.skip(f"{can.reason}; {can.remedy}")
    async with start_server(agent, free_port(), tmp_path) as made:
        yield made


@pytest.fixture
def scene(server: SpawnedServer, agent: AsyncAgent) -> Scene:
    return make_scene(server.address, pids=(server.pid,), agent=agent, patience=5 * PATIENCE)


def home(pid: int) -> Path | None:
    hierarchy = find_hierarchy(MEMORY)
    assert hierarchy is not None
    return hierarchy.home(pid)


async def _dead(pid: int) -> None:
    async def look() -> str:
        return evidence.process_state(pid)

    assert evidence.is_dead(await evidence.poll_until(look, evidence.is_dead, within=PATIENCE))


async def test_who_asks_for_more_is_killed_and_the_server_serves_on(
    scene: Scene, server: SpawnedServer, tmp_path: Path
) -> None:
    before = home(server.pid)

    async def talk() -> None:
        assert home(server.pid) != before
        connection = await open_connection(server.address, "/", within=PATIENCE)
        await asyncio.wait_for(await connection.ping(), PATIENCE)
        await connection.close()

    receipt, healing = await run_fault(LITTLE, scene, tmp_path, talk)
    counters, limit = receipt.evidence
    assert (receipt.bite, counters.side, limit.side) == (Bite.BIT, "server kernel", "server kernel")
    assert counters.during.split(", ")[1] == "1"
    assert limit.during.endswith(", 1 of 1")
    assert (healing.state, healing.evidence[0].during) == (HealingState.HEALED, "none, 0 of 1")
    assert home(server.pid) == before


async def test_a_limit_that_kills_nobody_does_not_bite(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = AsyncAgent.limit_memory

    async def limit_generously(self: AsyncAgent, pids: Any, *, spare: int) -> GroupLimit:
        return await limit(self, pids, spare=8 * spare)

    monkeypatch.setattr(AsyncAgent, "limit_memory", limit_generously)
    receipt, healing = await run_fault(LITTLE, scene, tmp_path)
    assert (receipt.bite, healing.state) == (Bite.DID_NOT_BITE, HealingState.HEALED)


async def test_a_server_that_takes_more_is_killed_and_gone(scene: Scene, server: SpawnedServer, tmp_path: Path) -> None:
    """By its kernel, in truth; here it is at our hand, at the same moment."""

    async def die() -> None:
        os.kill(server.pid, signal.SIGKILL)
        await _dead(server.pid)

    receipt, healing = await run_fault(LITTLE, scene, tmp_path, die)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.GONE_WITH_THE_TARGET)
    hierarchy = find_hierarchy(MEMORY)
    assert hierarchy is not None
    assert not list(hierarchy.mount.rglob("chaos_*_memory"))


async def test_a_limit_that_stays_is_not_healed(
    scene: Scene, agent: AsyncAgent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[GroupLimit] = []

    async def lift_nothing(self: AsyncAgent, limit: GroupLimit) -> None:
        kept.append(limit)

    lift = AsyncAgent.lift_limit
    monkeypatch.setattr(AsyncAgent, "lift_limit", lift_nothing)
    try:
        _, healing = await run_fault(LITTLE, scene, tmp_path)
        assert healing.state is HealingState.FAILED
    finally:
        await lift(agent, kept[0])


async def test_it_heals_when_the_body_raises(scene: Scene, server: SpawnedServer, tmp_path: Path) -> None:
    before = home(server.pid)
    healing = await run_with_broken_body(LITTLE, scene, tmp_path)
    assert (healing.state, home(server.pid)) == (HealingState.HEALED, before)


def test_too_little_is_no_shortage() -> None:
    with pytest.raises(ValueError, match=r"^spare is at least 16777216 bytes, or .* ends it; found 5$"):
        MemoryLimit(spare=5)
