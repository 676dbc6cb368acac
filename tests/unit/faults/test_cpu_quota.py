"""A server that gets a small share of a core: seen in its kernel's counters, and put back whatever happens."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chaos.agent.async_client import AsyncAgent
from chaos.agent.control_groups import CPU, find_hierarchy
from chaos.agent.types import GroupLimit
from chaos.errors import FaultError
from chaos.faults import evidence, group_limited
from chaos.faults.base import Scene
from chaos.faults.cpu_quota import CpuQuota
from chaos.journal import Bite, HealingState
from tests.unit.faults.spawned import SpawnedServer, start_server
from tests.unit.faults.stage import IMPATIENCE, PATIENCE, make_scene, run_fault, run_with_broken_body
from tests.unit.links.servers import free_port

SHORT = CpuQuota(share=0.01)
"""A millisecond in each period: less than half of what one newcomer costs, whoever else is busy."""


@pytest.fixture
async def server(agent: AsyncAgent, tmp_path: Path) -> AsyncIterator[SpawnedServer]:
    can = (await agent.hello()).can["cpu_limit"]
    if not can.available:
        pytest.skip(f"{can.reason}; {can.remedy}")
    async with start_server(agent, free_port(), tmp_path) as made:
        yield made


@pytest.fixture
def scene(server: SpawnedServer, agent: AsyncAgent) -> Scene:
    return make_scene(server.address, pids=(server.pid,), agent=agent, patience=5 * PATIENCE)


def home(pid: int) -> Path | None:
    hierarchy = find_hierarchy(CPU)
    assert hierarchy is not None
    return hierarchy.home(pid)


async def test_it_is_kept_from_running_and_given_back(scene: Scene, server: SpawnedServer, tmp_path: Path) -> None:
    before = home(server.pid)
    groups: list[Path | None] = []
    receipt, healing = await run_fault(SHORT, scene, tmp_path, lambda: groups.append(home(server.pid)))
    used_up, limit, newcomers = receipt.evidence
    assert (receipt.bite, used_up.side, limit.side, newcomers.side) == (
        Bite.BIT,
        "server kernel",
        "server kernel",
        "client",
    )
    assert int(used_up.during.split()[0]) >= 3
    assert limit.during.endswith("1000, 1 of 1")
    assert healing.state is HealingState.HEALED
    assert healing.evidence[0].during == "none, 0 of 1"
    assert receipt.since < receipt.at <= healing.since <= healing.at
    (group,) = groups
    assert group is not None
    assert group != before == home(server.pid)
    assert not group.exists()


async def test_a_share_that_is_enough_does_not_bite(server: SpawnedServer, agent: AsyncAgent, tmp_path: Path) -> None:
    scene = make_scene(server.address, pids=(server.pid,), agent=agent, patience=IMPATIENCE)
    receipt, healing = await run_fault(CpuQuota(share=1.0, newcomers=1), scene, tmp_path)
    assert (receipt.bite, healing.state) == (Bite.DID_NOT_BITE, HealingState.HEALED)


async def test_a_server_that_is_not_under_it_was_not_bitten(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that got away, or that nobody moved."""
    monkeypatch.setattr("chaos.faults.cpu_quota.under_it", lambda limit: [])
    receipt, _ = await run_fault(SHORT, scene, tmp_path)
    assert receipt.bite is Bite.DID_NOT_BITE


async def test_a_limit_that_stays_is_not_healed(
    server: SpawnedServer, agent: AsyncAgent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[GroupLimit] = []

    async def lift_nothing(self: AsyncAgent, limit: GroupLimit) -> None:
        kept.append(limit)

    lift = AsyncAgent.lift_limit
    monkeypatch.setattr(AsyncAgent, "lift_limit", lift_nothing)
    scene = make_scene(server.address, pids=(server.pid,), agent=agent)
    try:
        _, healing = await run_fault(SHORT, scene, tmp_path)
        assert healing.state is HealingState.FAILED
        assert healing.evidence[0].during.endswith(" 1000, 1 of 1")
    finally:
        await lift(agent, kept[0])


async def test_a_server_that_dies_meanwhile_is_gone(scene: Scene, server: SpawnedServer, tmp_path: Path) -> None:
    groups: list[Path | None] = []

    async def die() -> None:
        groups.append(home(server.pid))
        os.kill(server.pid, signal.SIGKILL)

        async def look() -> str:
            return evidence.process_state(server.pid)

        await evidence.poll_until(look, evidence.is_dead, within=PATIENCE)

    receipt, healing = await run_fault(SHORT, scene, tmp_path, die)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.GONE_WITH_THE_TARGET)
    assert groups[0] is not None
    assert not groups[0].exists()


async def test_it_heals_when_the_body_raises(scene: Scene, server: SpawnedServer, tmp_path: Path) -> None:
    before = home(server.pid)
    healing = await run_with_broken_body(SHORT, scene, tmp_path)
    assert (healing.state, home(server.pid)) == (HealingState.HEALED, before)


async def test_where_nobody_listens_nothing_is_limited(
    server: SpawnedServer, agent: AsyncAgent, tmp_path: Path
) -> None:
    port = free_port()
    nowhere = make_scene(server.address.__class__(server.address.host, port), pids=(server.pid,), agent=agent)
    before = home(server.pid)
    with pytest.raises(FaultError, match=rf"^nobody listens on port {port}, so there is nobody to knock at$"):
        await run_fault(SHORT, nowhere, tmp_path)
    assert home(server.pid) == before


def test_a_group_that_was_there_has_healed_when_it_says_what_it_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container's, which stays."""
    limit = GroupLimit(
        group=str(tmp_path), controller=CPU, made=False, before="100000 -1", now="100000 5000", pids=(os.getpid(),)
    )
    (tmp_path / "cpu.cfs_period_us").write_text("100000\n")
    (tmp_path / "cpu.cfs_quota_us").write_text("5000\n")
    assert group_limited.state_of(limit) is HealingState.FAILED
    (tmp_path / "cpu.cfs_quota_us").write_text("-1\n")
    assert group_limited.state_of(limit) is HealingState.HEALED


@pytest.mark.parametrize("values", [{"share": 0.0}, {"share": 1.5}, {"newcomers": 0}])
def test_what_makes_no_sense(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(values))} is .*; found {next(iter(values.values()))!r}$"):
        CpuQuota(**values)  # type: ignore[arg-type]
