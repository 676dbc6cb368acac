"""One of several workers that is told to end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chaos.agent.async_client import AsyncAgent
from chaos.crowd.plan import ClientState, Mode
from chaos.faults.evidence import once_dead
from chaos.faults.worker_terminated import WorkerTerminated
from chaos.journal import Bite, Healing, JournalWriter, ProcessLost, Receipt, read_journal
from tests.unit.faults.spawned import SpawnedServer, start_server
from tests.unit.faults.stage import PATIENCE, DirectLink, InProcess, make_scene, make_victims, run_fault
from tests.unit.links.servers import free_port

HERE = Path(__file__).parent
CLIENTS = 6


class Told:
    """What became of it."""

    def __init__(self, server: SpawnedServer, receipt: Receipt, healing: Healing, lost: ProcessLost | None) -> None:
        self.server, self.receipt, self.healing, self.lost = server, receipt, healing, lost
        self.during = receipt.evidence[0].during
        self.states: list[ClientState] = []
        """Of the clients whom the worker served."""


@asynccontextmanager
async def _terminated(
    agent: AsyncAgent, worker: InProcess, directory: Path, *, script: str, **environment: str
) -> AsyncIterator[Told]:
    async with start_server(agent, free_port(), directory, script=HERE / script, environment=environment) as server:
        victims = await make_victims(worker, DirectLink(server.address), CLIENTS)
        await victims.connect(mode=Mode.SEQUENTIAL)
        with JournalWriter(directory / "cell", role="record", run="run", cell="cell") as journal:
            scene = make_scene(server.address, pids=(server.pid,), agent=agent, victims=victims, record=journal.write)
            receipt, healing = await run_fault(WorkerTerminated(), scene, directory)
        told = Told(server, receipt, healing, read_journal(directory / "cell").last(ProcessLost))
        if told.lost is not None:
            states = await victims.states()
            told.states = [states[client] for client in told.lost.clients]
        yield told


@pytest.mark.parametrize("script", ["pre_forked_server.py", "reuse_port_server.py", "handing_server.py"])
async def test_one_that_dies_of_it_takes_nobody_any_more(
    script: str, agent: AsyncAgent, worker: InProcess, tmp_path: Path
) -> None:
    async with _terminated(agent, worker, tmp_path, script=script) as told:
        assert told.receipt.bite is Bite.BIT
        assert told.during != "takes connections"  # what it held is closed before it is gone
        assert told.lost is not None
        assert await once_dead([told.lost.pid], within=PATIENCE) == 1
        assert told.lost.clients
        assert told.server.pid in told.lost.left


async def test_one_that_drains_listens_no_more_and_keeps_its_clients(
    agent: AsyncAgent, worker: InProcess, tmp_path: Path
) -> None:
    async with _terminated(agent, worker, tmp_path, script="pre_forked_server.py", AT_SIGTERM="drain") as told:
        assert told.receipt.bite is Bite.BIT
        assert told.during == "listens no more"
        assert told.lost is not None
        assert told.lost.pid in await agent.tree(told.server.pid)
        assert set(told.states) == {ClientState.OPEN}


async def test_one_that_goes_on_as_before_was_not_told(agent: AsyncAgent, worker: InProcess, tmp_path: Path) -> None:
    async with _terminated(agent, worker, tmp_path, script="pre_forked_server.py", AT_SIGTERM="nothing") as told:
        assert told.receipt.bite is Bite.DID_NOT_BITE
        assert told.during == "takes connections"
        assert told.lost is None
