"""A message queue below the server that is killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.agent.async_client import AsyncAgent
from chaos.errors import FaultError
from chaos.faults.evidence import is_dead, process_state
from chaos.faults.queue_killed import QueueKilled
from chaos.journal import Bite, HealingState, JournalWriter, ProcessLost, read_journal
from tests.unit.faults.spawned import SpawnedServer
from tests.unit.faults.stage import make_scene, run_fault


async def test_what_fits_dies_and_nobody_else(spawned: SpawnedServer, agent: AsyncAgent, tmp_path: Path) -> None:
    tree = await agent.tree(spawned.pid)
    commands = await agent.commands([spawned.pid])
    assert list(commands) == tree
    assert all("forking_server.py" in command for command in commands.values())
    _, child = tree
    with JournalWriter(tmp_path / "cell", role="record", run="run", cell="cell") as journal:
        # The child alone: below it there is nobody.
        scene = make_scene(spawned.address, pids=(child,), agent=agent, record=journal.write)
        receipt, healing = await run_fault(QueueKilled(process=r"forking_server\.py"), scene, tmp_path)
    lost = read_journal(tmp_path / "cell").last(ProcessLost)
    assert lost is not None
    assert lost.pid == child
    assert [is_dead(process_state(pid)) for pid in tree] == [False, True]
    assert receipt.bite is Bite.BIT
    assert [(seen.before, seen.during) for seen in receipt.evidence] == [("1 alive", "1 dead")]
    assert healing.state is HealingState.GONE_WITH_THE_TARGET


async def test_where_nothing_fits_nobody_is_killed(spawned: SpawnedServer, agent: AsyncAgent, tmp_path: Path) -> None:
    scene = make_scene(spawned.address, pids=(spawned.pid,), agent=agent)
    with pytest.raises(
        FaultError, match=r"no process of the server's fits promises\.delivery\.queue_process = 'redis'"
    ):
        await run_fault(QueueKilled(process="redis"), scene, tmp_path)
    assert not any(is_dead(process_state(pid)) for pid in await agent.tree(spawned.pid))
