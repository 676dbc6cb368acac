"""A server that is killed, with all of its processes."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterable
from pathlib import Path
from signal import Signals

import pytest

from chaos.agent.async_client import AsyncAgent
from chaos.faults.base import Scene
from chaos.faults.evidence import is_dead, process_state
from chaos.faults.server_killed import ServerKilled
from chaos.journal import Bite, HealingState
from tests.unit.faults.spawned import SpawnedServer, start_server
from tests.unit.faults.stage import IMPATIENCE, make_scene, run_fault, run_with_broken_body


@pytest.fixture
def scene(spawned: SpawnedServer, agent: AsyncAgent) -> Scene:
    return make_scene(spawned.address, pids=(spawned.pid,), agent=agent)


async def test_all_of_it_dies(scene: Scene, spawned: SpawnedServer, agent: AsyncAgent, tmp_path: Path) -> None:
    tree = await agent.tree(spawned.pid)

    def look() -> None:
        assert [is_dead(process_state(pid)) for pid in tree] == [True, True]

    receipt, healing = await run_fault(ServerKilled(), scene, tmp_path, look)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 0, 0)
    assert [(seen.side, seen.before, seen.during) for seen in receipt.evidence] == [
        ("server kernel", "2 alive", "2 dead")
    ]
    assert receipt.since < receipt.at < healing.since <= healing.at
    assert healing.state is HealingState.GONE_WITH_THE_TARGET
    assert [(seen.before, seen.during) for seen in healing.evidence] == [("0", "0")]


async def test_a_server_that_was_started_again_heals_it(
    scene: Scene, spawned: SpawnedServer, agent: AsyncAgent, tmp_path: Path
) -> None:
    async with contextlib.AsyncExitStack() as stack:

        async def start_again() -> None:
            await stack.enter_async_context(start_server(agent, spawned.address.port, tmp_path, name="again"))

        _, healing = await run_fault(ServerKilled(), scene, tmp_path, start_again)
    assert healing.state is HealingState.HEALED
    assert [(seen.before, seen.during) for seen in healing.evidence] == [("0", "1")]


async def test_a_survivor_is_no_kill(
    spawned: SpawnedServer, agent: AsyncAgent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = AsyncAgent.signal

    async def miss_the_child(
        self: AsyncAgent, pids: Iterable[int], number: Signals, *, tree: bool = False
    ) -> list[int]:
        reached = await self.tree(spawned.pid)
        await send(self, reached[:1], number)
        return reached

    impatient = make_scene(spawned.address, pids=(spawned.pid,), agent=agent, patience=IMPATIENCE)
    with monkeypatch.context() as patch:
        patch.setattr(AsyncAgent, "signal", miss_the_child)
        receipt, _ = await run_fault(ServerKilled(), impatient, tmp_path)
    (survivor,) = await agent.listen_pids(spawned.address.port)
    await agent.signal([survivor], signal.SIGKILL)
    assert receipt.bite is Bite.DID_NOT_BITE
    assert receipt.evidence[0].during == "1 dead"


async def test_without_processes_it_does_not_bite(spawned: SpawnedServer, agent: AsyncAgent, tmp_path: Path) -> None:
    receipt, _ = await run_fault(ServerKilled(), make_scene(spawned.address, agent=agent), tmp_path)
    assert receipt.bite is Bite.DID_NOT_BITE
    assert receipt.evidence[0].before == "0 alive"


async def test_it_is_proven_gone_when_the_body_raises(scene: Scene, tmp_path: Path) -> None:
    healing = await run_with_broken_body(ServerKilled(), scene, tmp_path)
    assert healing.state is HealingState.GONE_WITH_THE_TARGET
