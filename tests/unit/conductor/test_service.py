"""What the conductor offers, called as a scenario does: cells and faults."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.conductor.service import Conductor
from chaos.conductor.setup import ConductorSetup
from chaos.errors import AgentError, ChaosError, FaultError, LinkError
from chaos.faults import ClientReset, ProxyDown, UpstreamDown, UpstreamErrors
from chaos.journal import Attempt, Beat, Bite, HealingState, Outcome, Receipt, Sample, Segment, read_journal
from chaos.links.link import Link
from chaos.links.resting import RESTING
from chaos.links.toxiproxy import Toxiproxy
from tests.unit.conductor.deployment import CELL, Stage, make_plan, open_cell, refused
from tests.unit.crowd.making import until
from tests.unit.faults.upstreams import ScriptedUpstream, asked

# -- one cell -----------------------------------------------------------------------------------------------------


async def test_a_cell_has_a_link_of_its_own_samples_and_beats(
    stage: Stage, setup: ConductorSetup, tmp_path: Path
) -> None:
    async with await stage.scenario(setup) as rpc:
        link = await open_cell(rpc, tmp_path / "cell")
        await rpc.call("create_crowd", "crowd", make_plan(link), 2, False)
        attempts = await rpc.call("crowd_call", "crowd", "connect", (), {})
        assert [attempt.outcome for attempt in attempts] == [Outcome.OPEN] * 2
        assert await rpc.call("open_clients", "crowd") == 2
        seen = tmp_path / "cell"
        # Two clients and the canary.
        await until(lambda: any(sample.connections >= 3 for sample in read_journal(seen).of(Sample)))
        await rpc.call("close_cell")
    journal = read_journal(tmp_path / "cell")
    assert {(segment.role, segment.cell) for segment in journal.of(Segment)} == {
        ("conductor", "cell"),
        ("agent", "cell"),
        ("crowd", "cell"),
    }
    assert len(journal.of(Attempt)) == 2
    assert any(beat.ok for beat in journal.of(Beat))
    assert await refused(link)


async def test_one_scenario_after_the_other(stage: Stage, setup: ConductorSetup, tmp_path: Path) -> None:
    links = []
    for cell in ("first", "second"):
        async with await stage.scenario(setup) as rpc:
            links.append(await open_cell(rpc, tmp_path / cell))
            await rpc.call("close_cell")
    assert len(set(links)) == 2


async def test_without_a_proxy_there_is_no_link(stage: Stage, bare: ConductorSetup, tmp_path: Path) -> None:
    async with await stage.scenario(bare) as rpc:
        assert await rpc.call("open_cell", tmp_path / "cell", **CELL) is None
        with pytest.raises(FaultError, match=r"^this fault acts on the link, and this deployment has none$"):
            await rpc.call("inject", ProxyDown(), None)
        with pytest.raises(ChaosError, match=r"^no agent here, so the server's sockets cannot be read$"):
            await rpc.call("sample")


async def test_a_second_cell_is_refused(stage: Stage, bare: ConductorSetup, tmp_path: Path) -> None:
    async with await stage.scenario(bare) as rpc:
        await rpc.call("open_cell", tmp_path / "first", **CELL)
        with pytest.raises(ChaosError, match=r"^a scenario is already under way on this conductor$"):
            await rpc.call("open_cell", tmp_path / "second", **CELL)
        await rpc.call("flush")  # the first one goes on


async def test_a_second_cell_at_the_same_moment_is_refused(stage: Stage, setup: ConductorSetup, tmp_path: Path) -> None:
    async with await stage.scenario(setup) as rpc:
        results = await asyncio.gather(
            *(rpc.call("open_cell", tmp_path / name, **CELL) for name in ("first", "second")), return_exceptions=True
        )
    opened, refusal = sorted(results, key=lambda result: isinstance(result, Exception))
    assert isinstance(opened, Address)
    assert str(refusal) == "a scenario is already under way on this conductor"


@pytest.mark.parametrize("call", [("flush",), ("sample",), ("heal", 1), ("close_crowds",), ("open_clients", "crowd")])
async def test_nothing_is_done_without_a_cell(stage: Stage, bare: ConductorSetup, call: tuple[Any, ...]) -> None:
    async with await stage.scenario(bare) as rpc:
        with pytest.raises(ChaosError) as caught:
            await rpc.call(*call)
    assert str(caught.value) == "no scenario is under way on this conductor: open_cell comes first"


async def test_a_cell_needs_a_deployment(tmp_path: Path) -> None:
    with pytest.raises(ChaosError) as caught:
        await Conductor().open_cell(tmp_path, **CELL)
    assert str(caught.value) == "the conductor was not told its deployment: prepare comes first"


async def test_a_cell_that_cannot_be_opened_says_why_and_leaves_nothing(
    stage: Stage, setup: ConductorSetup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_room(self: AsyncAgent, directory: Path, *, run: str, cell: str) -> Path:
        raise AgentError("no space left on device")

    async with await stage.scenario(setup) as rpc:
        with monkeypatch.context() as patch:
            patch.setattr(AsyncAgent, "open_cell", no_room)
            with pytest.raises(AgentError, match=r"^no space left on device$"):
                await open_cell(rpc, tmp_path / "first")
        await open_cell(rpc, tmp_path / "second")


async def test_clients_are_closed_before_the_cell_is(
    stage: Stage, setup: ConductorSetup, ends: list[str], tmp_path: Path
) -> None:
    async with await stage.scenario(setup) as rpc:
        link = await open_cell(rpc, tmp_path / "cell")
        await rpc.call("create_crowd", "crowd", make_plan(link), 2, False)
        await rpc.call("crowd_call", "crowd", "connect", (), {})
        await rpc.call("close_crowds")
        await until(lambda: len(ends) == 3)  # the canary too
        await rpc.call("flush")


# -- faults -------------------------------------------------------------------------------------------------------


async def test_overlapping_faults_heal_in_any_order(
    stage: Stage, setup: ConductorSetup, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    async with await stage.scenario(setup) as rpc:
        link = await open_cell(rpc, tmp_path / "cell")
        down, receipt = await rpc.call("inject", ProxyDown(), None)
        errors, second = await rpc.call("inject", UpstreamErrors(), None)
        assert (receipt.bite, second.bite) == (Bite.BIT, Bite.BIT)
        assert await refused(link)
        assert await asked(upstream.address) == 500
        healing = await rpc.call("heal", down)
        assert (healing.fault, healing.state) == ("proxy-down", HealingState.HEALED)
        assert not await refused(link)
        assert await asked(upstream.address) == 500
        healing = await rpc.call("heal", errors)
        assert (healing.fault, healing.state) == ("upstream-errors", HealingState.HEALED)
        assert await asked(upstream.address) == 200
    journal = read_journal(tmp_path / "cell")
    assert [receipt.fault for receipt in journal.of(Receipt)] == ["proxy-down", "upstream-errors"]


async def test_a_fault_acts_on_the_crowd_that_is_named(stage: Stage, setup: ConductorSetup, tmp_path: Path) -> None:
    async with await stage.scenario(setup) as rpc:
        await open_cell(rpc, tmp_path / "cell")
        for name in ("living", "dying"):
            await rpc.call("create_crowd", name, make_plan(setup.server.address), 3, False)
            await rpc.call("crowd_call", name, "connect", (), {})
        number, receipt = await rpc.call("inject", ClientReset(), "dying")
        assert (receipt.bite, receipt.covered) == (Bite.BIT, 3)
        await rpc.call("heal", number)
        assert [await rpc.call("open_clients", name) for name in ("living", "dying")] == [3, 0]
        with pytest.raises(ChaosError, match=r"^there is no crowd named 'undead'; there are living, dying$"):
            await rpc.call("inject", ClientReset(), "undead")


# -- the link to the upstream ---------------------------------------------------------------------------------------


@pytest.fixture
async def rested(setup: ConductorSetup) -> AsyncIterator[Toxiproxy]:
    """The proxy, with the link to the upstream as a deployment leaves it."""
    assert setup.proxy is not None
    assert setup.upstream is not None
    async with Toxiproxy(setup.proxy.api) as proxy:
        await proxy.remove(RESTING)  # one proxy serves all these tests
        await proxy.create_link(RESTING, setup.upstream.address, listen_port=setup.upstream.link_port)
        yield proxy
        await proxy.remove(RESTING)


async def test_the_upstream_is_reached_before_within_and_after_a_scenario(
    stage: Stage, setup: ConductorSetup, rested: Toxiproxy, tmp_path: Path
) -> None:
    assert setup.upstream is not None
    link = Address("127.0.0.1", setup.upstream.link_port)
    assert await asked(link) == 200
    for cell in ("first", "second"):
        async with await stage.scenario(setup) as rpc:
            await open_cell(rpc, tmp_path / cell)
            # A link of its own, for what hangs in one must not be met by the next.
            (own,) = [name for name in await rested.proxies() if name.startswith("upstream-")]
            assert own != RESTING
            assert await asked(link) == 200
            await rpc.call("close_cell")
            assert [name for name in await rested.proxies() if name.startswith("upstream-")] == [RESTING]
            assert await asked(link) == 200


async def test_the_upstream_is_reached_after_a_scenario_that_went_away(
    stage: Stage, setup: ConductorSetup, rested: Toxiproxy, tmp_path: Path
) -> None:
    assert setup.upstream is not None
    rpc = await stage.scenario(setup)
    await open_cell(rpc, tmp_path / "cell")
    await rpc.call("inject", UpstreamDown(), None)
    await rpc.close()
    async with await stage.scenario(setup):  # waits until the last one is cleaned up behind
        assert await asked(Address("127.0.0.1", setup.upstream.link_port)) == 200


async def test_of_links_that_cannot_be_removed_and_one_that_cannot_come_back_the_first_is_told(
    stage: Stage, setup: ConductorSetup, rested: Toxiproxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(self: Link) -> None:
        raise LinkError(f"Toxiproxy hangs: removing {self.name!r} was not answered")

    async with await stage.scenario(setup) as rpc:
        await open_cell(rpc, tmp_path / "cell")
        monkeypatch.setattr(Link, "close", hang)
        with pytest.raises(LinkError, match=r"^Toxiproxy hangs: removing 'clients-\d+' was not answered$"):
            await rpc.call("close_cell")
    for name in await rested.proxies():
        if name.startswith(("clients-", "upstream-")):
            await rested.remove(name)
