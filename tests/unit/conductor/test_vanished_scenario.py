"""A scenario that vanishes, whatever it is in the middle of: all it left is healed and closed before the next."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from websockets.asyncio.server import Server

from chaos.address import Address
from chaos.conductor.cell import OpenCell
from chaos.conductor.setup import ConductorSetup
from chaos.errors import AgentError
from chaos.faults import ProxyDown, UpstreamErrors
from chaos.journal import Healing, HealingState, Sample, read_journal
from chaos.rpc import RemoteGone
from tests.unit.conductor.deployment import CELL, Stage, make_plan, open_cell, refused
from tests.unit.conductor.gated import Gated
from tests.unit.crowd.making import until
from tests.unit.faults.upstreams import ScriptedUpstream, asked


async def test_what_a_vanished_scenario_left_is_healed_and_closed(
    stage: Stage,
    setup: ConductorSetup,
    upstream: ScriptedUpstream,
    serving: tuple[Address, Server],
    tmp_path: Path,
) -> None:
    rpc = await stage.scenario(setup)
    link = await open_cell(rpc, tmp_path / "first")
    await rpc.call("create_crowd", "crowd", make_plan(setup.server.address), 3, False)
    await rpc.call("crowd_call", "crowd", "connect", (), {})
    for fault in (ProxyDown(), UpstreamErrors()):
        await rpc.call("inject", fault, None)
    await rpc.close()
    async with await stage.scenario(setup) as after:
        # It has waited for all of that.
        journal = read_journal(tmp_path / "first")
        assert [(healing.fault, healing.state) for healing in journal.of(Healing)] == [
            ("upstream-errors", HealingState.HEALED),
            ("proxy-down", HealingState.HEALED),
        ]
        assert not serving[1].connections
        assert await refused(link)
        assert await asked(upstream.address) == 200
        await open_cell(after, tmp_path / "second")


async def test_a_fault_that_is_being_injected_when_its_scenario_vanishes(
    stage: Stage, bare: ConductorSetup, tmp_path: Path
) -> None:
    fault, gate = Gated.made("a")
    gate.inject.clear()
    rpc = await stage.scenario(bare)
    await rpc.call("open_cell", tmp_path / "cell", **CELL)
    injecting = asyncio.create_task(rpc.call("inject", fault, None))
    await until(lambda: gate.log == ["a injects"])
    await rpc.close()
    with pytest.raises(RemoteGone):
        await injecting
    gate.inject.set()
    await until(lambda: gate.log[-1] == "a is healed")


async def test_a_fault_that_is_healing_when_its_scenario_vanishes(
    stage: Stage, bare: ConductorSetup, tmp_path: Path
) -> None:
    fault, gate = Gated.made("a")
    rpc = await stage.scenario(bare)
    await rpc.call("open_cell", tmp_path / "cell", **CELL)
    number, _ = await rpc.call("inject", fault, None)
    gate.heal.clear()
    healing = asyncio.create_task(rpc.call("heal", number))
    await until(lambda: gate.log[-1] == "a heals")
    await rpc.close()
    with pytest.raises(RemoteGone):
        await healing
    gate.heal.set()
    async with await stage.scenario(bare):
        assert gate.log[-1] == "a is healed"
        (found,) = read_journal(tmp_path / "cell").of(Healing)
        assert found.state is HealingState.HEALED


async def test_a_cell_that_is_closing_when_its_scenario_vanishes(
    stage: Stage, setup: ConductorSetup, tmp_path: Path
) -> None:
    fault, gate = Gated.made("a")
    rpc = await stage.scenario(setup)
    link = await open_cell(rpc, tmp_path / "cell")
    await rpc.call("inject", fault, None)
    gate.heal.clear()
    closing = asyncio.create_task(rpc.call("close_cell"))
    await until(lambda: gate.log[-1] == "a heals")
    await rpc.close()
    with pytest.raises(RemoteGone):
        await closing
    assert not await refused(link)
    gate.heal.set()
    async with await stage.scenario(setup):
        assert gate.log[-1] == "a is healed"
        assert await refused(link)


async def test_a_cell_that_is_being_opened_when_its_scenario_vanishes(
    stage: Stage, setup: ConductorSetup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was open of it is closed before the next scenario begins, or the next would be closed in its place."""
    reached, hold, closed = asyncio.Event(), asyncio.Event(), []
    close = OpenCell.close

    async def wait(self: OpenCell, cell: str) -> None:
        reached.set()
        await asyncio.Event().wait()

    async def close_slowly(self: OpenCell) -> None:
        await hold.wait()
        await close(self)
        closed.append(self)

    with monkeypatch.context() as patch:
        patch.setattr(OpenCell, "_make_links", wait)
        patch.setattr(OpenCell, "close", close_slowly)
        rpc = await stage.scenario(setup)
        opening = asyncio.create_task(rpc.call("open_cell", tmp_path / "first", **CELL))
        await reached.wait()
        await rpc.close()
        with pytest.raises(RemoteGone):
            await opening
        following = asyncio.create_task(stage.scenario(setup))
        await asyncio.wait([following], timeout=0.1)
        assert not following.done()
        hold.set()
        rpc = await following
        assert len(closed) == 1
    async with rpc:
        await open_cell(rpc, tmp_path / "second")
        await until(lambda: len(read_journal(tmp_path / "second").of(Sample)) >= 2)


async def test_a_clean_up_that_failed_is_told_once(
    stage: Stage, bare: ConductorSetup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(self: OpenCell) -> None:
        raise AgentError("the agent is gone")

    close = OpenCell.close
    with monkeypatch.context() as patch:
        patch.setattr(OpenCell, "close", fail)
        rpc = await stage.scenario(bare)
        await rpc.call("open_cell", tmp_path / "first", **CELL)
        left = stage.conductor._cell
        await rpc.close()
        with pytest.raises(AgentError, match=r"^the agent is gone$"):
            await stage.scenario(bare)
    assert left is not None
    await close(left)
    async with await stage.scenario(bare) as again:
        await again.call("open_cell", tmp_path / "second", **CELL)
