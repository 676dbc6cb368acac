"""One of several workers that is killed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from signal import Signals

import pytest

from chaos.agent.async_client import AsyncAgent
from chaos.crowd.handle import CrowdHandle
from chaos.crowd.plan import Mode
from chaos.errors import FaultError
from chaos.faults.base import Scene
from chaos.faults.evidence import POLL, is_dead, process_state
from chaos.faults.holders import holders_of
from chaos.faults.worker_killed import WorkerKilled
from chaos.journal import Bite, HealingState, JournalWriter, ProcessLost, read_journal
from tests.unit.faults.spawned import START_WITHIN, SpawnedServer, start_server
from tests.unit.faults.stage import DirectLink, InProcess, make_scene, make_victims, run_fault
from tests.unit.links.servers import free_port

HERE = Path(__file__).parent
PRE_FORKED = HERE / "pre_forked_server.py"
"""The workers share the master's listener."""
REUSE_PORT = HERE / "reuse_port_server.py"
"""Each of them has its own."""
HANDING = HERE / "handing_server.py"
"""They have none: the master accepts, and hands on."""
_MASTER_LISTENS = (PRE_FORKED, HANDING)
CLIENTS = 6


@pytest.fixture
async def master(agent: AsyncAgent, tmp_path: Path) -> AsyncIterator[SpawnedServer]:
    """A master and two workers, all of which take connections."""
    async with start_server(agent, free_port(), tmp_path, script=PRE_FORKED) as server:
        yield server


@pytest.fixture
async def victims(master: SpawnedServer, worker: InProcess) -> CrowdHandle:
    made = await make_victims(worker, DirectLink(master.address), CLIENTS)
    await made.connect(mode=Mode.SEQUENTIAL)
    return made


however_they_listen = pytest.mark.parametrize("script", [PRE_FORKED, REUSE_PORT, HANDING], ids=lambda path: path.stem)


@however_they_listen
async def test_the_workers_are_known_and_who_serves_whom(
    script: Path, agent: AsyncAgent, worker: InProcess, tmp_path: Path
) -> None:
    async with start_server(agent, free_port(), tmp_path, script=script) as master:
        victims = await make_victims(worker, DirectLink(master.address), CLIENTS)
        await victims.connect(mode=Mode.SEQUENTIAL)
        _, *workers = await agent.tree(master.pid)
        found = await holders_of(victims, agent, master.address.port)
        assert sorted(found.serving) == sorted(workers)
        assert found.above == ((master.pid,) if script in _MASTER_LISTENS else ())
        assert set(found.held) == {str(client) for client in range(CLIENTS)}
        assert set(found.held.values()) <= set(workers)


@however_they_listen
async def test_one_of_them_is_killed_however_they_listen(
    script: Path, agent: AsyncAgent, worker: InProcess, tmp_path: Path
) -> None:
    async with start_server(agent, free_port(), tmp_path, script=script) as master:
        victims = await make_victims(worker, DirectLink(master.address), CLIENTS)
        await victims.connect(mode=Mode.SEQUENTIAL)
        _, *workers = await agent.tree(master.pid)
        with JournalWriter(tmp_path / "cell", role="record", run="run", cell="cell") as journal:
            scene = make_scene(master.address, pids=(master.pid,), agent=agent, victims=victims, record=journal.write)
            receipt, healing = await run_fault(WorkerKilled(), scene, tmp_path)
        lost = read_journal(tmp_path / "cell").last(ProcessLost)
        assert lost is not None
        assert lost.pid in workers
        assert len(lost.clients) >= CLIENTS / 2
        assert set(lost.left) == {master.pid, *workers} - {lost.pid}
        assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.GONE_WITH_THE_TARGET)


async def test_one_dies_with_its_clients_and_the_other_lives(
    master: SpawnedServer, victims: CrowdHandle, agent: AsyncAgent, tmp_path: Path
) -> None:
    port = master.address.port
    before = await holders_of(victims, agent, port)
    with JournalWriter(tmp_path / "cell", role="record", run="run", cell="cell") as journal:
        scene = make_scene(master.address, pids=(master.pid,), agent=agent, victims=victims, record=journal.write)
        receipt, healing = await run_fault(WorkerKilled(), scene, tmp_path)
    lost = read_journal(tmp_path / "cell").last(ProcessLost)
    assert lost is not None
    assert [is_dead(process_state(pid)) for pid in sorted(before.serving)] == [
        pid == lost.pid for pid in sorted(before.serving)
    ]
    assert sorted(lost.clients) == sorted(int(client) for client, pid in before.held.items() if pid == lost.pid)
    assert set(lost.left) == {master.pid, *before.serving} - {lost.pid}
    assert receipt.bite is Bite.BIT
    assert receipt.evidence[0].what == f"one of 2 workers, with {len(lost.clients)} of {CLIENTS} connections"
    assert healing.state is HealingState.GONE_WITH_THE_TARGET


async def test_a_worker_in_its_place_heals_it(
    master: SpawnedServer, victims: CrowdHandle, agent: AsyncAgent, tmp_path: Path
) -> None:
    await agent.signal([master.pid], Signals.SIGUSR1)

    async def replaced() -> None:
        async with asyncio.timeout(START_WITHIN):
            while len((await agent.serving(master.address.port)).pids) < 2:  # noqa: ASYNC110  # another process forks
                await asyncio.sleep(POLL)

    with JournalWriter(tmp_path / "cell", role="record", run="run", cell="cell") as journal:
        scene = make_scene(master.address, pids=(master.pid,), agent=agent, victims=victims, record=journal.write)
        _, healing = await run_fault(WorkerKilled(), scene, tmp_path, replaced)
    assert healing.state is HealingState.HEALED


async def test_the_one_process_of_a_server_is_left_alone(agent: AsyncAgent, worker: InProcess, tmp_path: Path) -> None:
    async with start_server(agent, free_port(), tmp_path, script=PRE_FORKED, environment={"WORKERS": "1"}) as server:
        victims = await make_victims(worker, DirectLink(server.address), CLIENTS)
        await victims.connect()
        scene: Scene = make_scene(server.address, pids=(server.pid,), agent=agent, victims=victims)
        with pytest.raises(FaultError, match=r"^1 of the server's processes takes connections"):
            await run_fault(WorkerKilled(), scene, tmp_path)
        assert not any(is_dead(process_state(pid)) for pid in await agent.tree(server.pid))
        assert len(await agent.tree(server.pid)) == 2
