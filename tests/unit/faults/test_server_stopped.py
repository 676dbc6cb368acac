"""A server that stands still: all of its processes, and its kernel goes on without it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable
from pathlib import Path
from signal import Signals

import pytest

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.errors import AgentError
from chaos.faults import server_stopped
from chaos.faults.base import Scene
from chaos.faults.evidence import process_state
from chaos.faults.server_stopped import ServerStopped
from chaos.journal import Bite, HealingState
from tests.unit.faults.spawned import SpawnedServer
from tests.unit.faults.stage import IMPATIENCE, PATIENCE, make_scene, run_fault, run_with_broken_body


@pytest.fixture
def scene(spawned: SpawnedServer, agent: AsyncAgent) -> Scene:
    return make_scene(spawned.address, pids=(spawned.pid,), agent=agent)


async def answers(address: Address, *, within: float) -> bool:
    """Whether the server echoes on a new connection."""
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        writer.write(b"?")
        async with asyncio.timeout(within):
            return await reader.read(1) == b"?"
    except TimeoutError:
        return False
    finally:
        writer.close()


async def test_all_of_it_stands_still_and_goes_on(scene: Scene, agent: AsyncAgent, tmp_path: Path) -> None:
    address = scene.server.address
    assert await answers(address, within=PATIENCE)

    async def look() -> None:
        assert not await answers(address, within=IMPATIENCE)  # though its kernel took the connection

    receipt, healing = await run_fault(ServerStopped(), scene, tmp_path, look)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 0, 0)
    (seen,) = receipt.evidence
    assert (seen.side, seen.during) == ("server kernel", "T T")
    assert set(seen.before.split()) <= {"S", "R"}
    assert receipt.since < receipt.at < healing.since <= healing.at
    assert healing.state is HealingState.HEALED
    assert healing.evidence[0].before == "T T"
    assert "T" not in healing.evidence[0].during
    assert await answers(address, within=PATIENCE)


async def test_a_server_that_goes_on_does_not_bite(
    scene: Scene, agent: AsyncAgent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = AsyncAgent.signal

    async def miss_the_child(
        self: AsyncAgent, pids: Iterable[int], number: Signals, *, tree: bool = False
    ) -> list[int]:
        reached = await send(self, pids, number, tree=tree)
        await send(self, reached[1:], signal.SIGCONT)
        return reached

    monkeypatch.setattr(AsyncAgent, "signal", miss_the_child)
    impatient = make_scene(scene.server.address, pids=scene.server.root_pids, agent=agent, patience=IMPATIENCE)
    receipt, healing = await run_fault(ServerStopped(), impatient, tmp_path)
    assert receipt.bite is Bite.DID_NOT_BITE
    assert receipt.evidence[0].during == "T S"
    assert healing.state is HealingState.HEALED


async def test_without_processes_it_does_not_bite(spawned: SpawnedServer, agent: AsyncAgent, tmp_path: Path) -> None:
    receipt, healing = await run_fault(ServerStopped(), make_scene(spawned.address, agent=agent), tmp_path)
    assert (receipt.bite, healing.state) == (Bite.DID_NOT_BITE, HealingState.HEALED)
    assert receipt.evidence[0].during == "none"
    assert await answers(spawned.address, within=PATIENCE)


async def test_a_server_that_stays_stopped_is_not_healed(
    spawned: SpawnedServer, agent: AsyncAgent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = AsyncAgent.signal

    async def stop_only(self: AsyncAgent, pids: Iterable[int], number: Signals, *, tree: bool = False) -> list[int]:
        return await send(self, pids, number, tree=tree) if number is signal.SIGSTOP else []

    impatient = make_scene(spawned.address, pids=(spawned.pid,), agent=agent, patience=IMPATIENCE)
    with monkeypatch.context() as patch:
        patch.setattr(AsyncAgent, "signal", stop_only)
        receipt, healing = await run_fault(ServerStopped(), impatient, tmp_path)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.FAILED)
    assert healing.evidence[0].during == "T T"


async def test_a_server_that_dies_meanwhile_is_gone(
    scene: Scene, spawned: SpawnedServer, agent: AsyncAgent, tmp_path: Path
) -> None:
    async def die() -> None:
        await agent.signal([spawned.pid], signal.SIGKILL, tree=True)
        await agent.wait(spawned.pid, timeout=PATIENCE)

    _, healing = await run_fault(ServerStopped(), scene, tmp_path, die)
    assert healing.state is HealingState.GONE_WITH_THE_TARGET
    assert healing.evidence[0].before == "T T"
    assert set(healing.evidence[0].during.split()) <= {"-", "Z"}


async def test_a_server_whose_child_is_still_dying_is_gone(
    scene: Scene, spawned: SpawnedServer, agent: AsyncAgent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, looks = spawned.pid, iter("RR")

    def die_slowly(pid: int) -> str:
        found = process_state(pid)
        return found if pid == root else next(looks, found)

    async def die() -> None:
        await agent.signal([root], signal.SIGKILL, tree=True)
        await agent.wait(root, timeout=PATIENCE)
        monkeypatch.setattr(server_stopped, "process_state", die_slowly)

    _, healing = await run_fault(ServerStopped(), scene, tmp_path, die)
    assert healing.state is HealingState.GONE_WITH_THE_TARGET


async def test_it_goes_on_when_the_body_raises(scene: Scene, tmp_path: Path) -> None:
    healing = await run_with_broken_body(ServerStopped(), scene, tmp_path)
    assert healing.state is HealingState.HEALED
    assert await answers(scene.server.address, within=PATIENCE)


async def test_a_server_that_stopped_only_in_part_goes_on(
    scene: Scene, spawned: SpawnedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent raises when a thread does not stop in time; by then the others have."""
    send = AsyncAgent.signal

    async def stop_in_part(self: AsyncAgent, pids: Iterable[int], number: Signals, *, tree: bool = False) -> list[int]:
        reached = await send(self, pids, number, tree=tree)
        if number is signal.SIGSTOP:
            assert [process_state(pid) for pid in reached] == ["T", "T"]
            raise AgentError("a thread is in an uninterruptible sleep")
        return reached

    monkeypatch.setattr(AsyncAgent, "signal", stop_in_part)
    with pytest.raises(AgentError, match=r"^a thread is in an uninterruptible sleep$"):
        await run_fault(ServerStopped(), scene, tmp_path)
    assert await answers(scene.server.address, within=PATIENCE)
