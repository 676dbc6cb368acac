"""A client whose process is killed: the kernel speaks for it."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.crowd.process import WorkerProcess
from chaos.faults.client_killed import ClientKilled
from chaos.faults.evidence import poll_until
from chaos.journal import Bite, HealingState
from tests.unit.crowd.making import until
from tests.unit.faults.stage import IMPATIENCE, PATIENCE, Direct, run_fault, run_with_broken_body


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[WorkerProcess]:
    """A process for the victims, and for nobody else."""
    async with await WorkerProcess.start(tmp_path, name="victims") as started:
        yield started


@pytest.fixture
def mortal(server: Address, process: WorkerProcess, agent: AsyncAgent) -> Direct:
    return Direct(server, process, agent)


async def test_the_kernel_closes_what_the_process_held(
    mortal: Direct, process: WorkerProcess, ends: list[str], tmp_path: Path
) -> None:
    victims = await mortal.connect()
    receipt, healing = await run_fault(ClientKilled(), mortal.scene(victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    sockets, clients = receipt.evidence
    assert (sockets.side, sockets.before) == ("server kernel", "3 ESTABLISHED")
    assert "ESTABLISHED" not in sockets.during
    assert (clients.side, clients.before, clients.during) == ("client", "alive", "ended by signal 9")
    assert not process.alive
    await until(lambda: len(ends) == 3)
    assert ends == ["FIN"] * 3
    assert healing.state is HealingState.HEALED
    assert receipt.since < receipt.at <= healing.since <= healing.at


async def test_what_was_not_read_comes_back_as_rst(mortal: Direct, ends: list[str], tmp_path: Path) -> None:
    victims = await mortal.connect()
    await victims.stall()
    await victims.send("an answer that nobody reads")

    async def unread() -> list[int]:
        return [state.receive_queue for state in (await victims.socket_states()).values()]

    await poll_until(unread, all, within=PATIENCE)
    receipt, _ = await run_fault(ClientKilled(), mortal.scene(victims), tmp_path)
    assert (receipt.bite, receipt.covered) == (Bite.BIT, 3)
    await until(lambda: len(ends) == 3)
    assert ends == ["ConnectionResetError"] * 3


async def test_a_process_that_lives_on_does_not_bite(
    mortal: Direct, process: WorkerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victims = await mortal.connect()

    async def miss(self: WorkerProcess) -> int:
        return -signal.SIGKILL

    with monkeypatch.context() as patch:
        patch.setattr(WorkerProcess, "kill", miss)
        receipt, _ = await run_fault(ClientKilled(), mortal.scene(victims, patience=IMPATIENCE), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 0, 3)
    assert receipt.evidence[0].during == "3 ESTABLISHED"
    assert await victims.open_count() == 3


async def test_it_is_over_when_the_body_raises(mortal: Direct, process: WorkerProcess, tmp_path: Path) -> None:
    victims = await mortal.connect()
    healing = await run_with_broken_body(ClientKilled(), mortal.scene(victims), tmp_path)
    assert healing.state is HealingState.HEALED
    assert not process.alive
