"""A disk that is full: refused where the server sees it, kept full, and as it was afterwards."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from chaos.agent.async_client import AsyncAgent
from chaos.agent.own_disk import DISK, disk_availability, own_disk
from chaos.errors import FaultError
from chaos.faults import disk_full, evidence
from chaos.faults.base import Scene
from chaos.faults.disk_full import DiskFull
from chaos.journal import Bite, HealingState
from tests.unit.faults.spawned import SpawnedServer, start_server
from tests.unit.faults.stage import PATIENCE, make_scene, run_fault, run_with_broken_body
from tests.unit.links.servers import free_port

OLD = 1 << 20
"""Bytes of a file that the server has on its disk."""


@pytest.fixture
async def server(agent: AsyncAgent, tmp_path: Path) -> AsyncIterator[SpawnedServer]:
    """One with a disk of its own."""
    found = disk_availability([])
    if not found.available:
        pytest.skip(f"{found.reason}; {found.remedy}")
    directory = tmp_path / DISK
    directory.mkdir()
    async with start_server(agent, free_port(), tmp_path, disk=directory) as made:
        yield made


@pytest.fixture
def scene(server: SpawnedServer, agent: AsyncAgent) -> Scene:
    return make_scene(server.address, pids=(server.pid,), agent=agent)


@pytest.fixture
def disk(server: SpawnedServer) -> Path:
    found = own_disk(server.pid)
    assert found is not None
    (found / "log").write_bytes(bytes(OLD))
    return found


async def test_nothing_more_is_taken_and_what_is_there_stays(scene: Scene, disk: Path, tmp_path: Path) -> None:
    def look() -> None:
        with pytest.raises(OSError, match=r"No space left") as caught:
            (disk / "other").write_bytes(b"x")
        assert caught.value.errno == errno.ENOSPC
        (disk / "other").unlink()
        assert (disk / "log").stat().st_size == OLD

    receipt, healing = await run_fault(DiskFull(), scene, tmp_path, look)
    room, write = receipt.evidence
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.HEALED)
    assert (room.before, room.during) == ("3.15MB", "0B")
    assert (write.before, write.during) == ("written", "ENOSPC")
    assert [(seen.before, seen.during) for seen in healing.evidence] == [("0B", "3.15MB"), ("ENOSPC", "written")]
    assert receipt.since < receipt.at <= healing.since <= healing.at
    assert os.listdir(disk) == ["log"]


async def test_room_that_the_server_makes_is_taken_as_well(scene: Scene, disk: Path, tmp_path: Path) -> None:
    async def clear_up() -> None:
        (disk / "log").unlink()

        async def room() -> int:
            return os.statvfs(disk).f_bavail

        assert await evidence.poll_until(room, lambda found: found == 0, within=PATIENCE) == 0

    _, healing = await run_fault(DiskFull(), scene, tmp_path, clear_up)
    assert healing.state is HealingState.HEALED


async def test_a_disk_that_does_not_stay_full_is_not_healed(
    scene: Scene, disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def clear_up() -> None:
        monkeypatch.setattr(disk_full, "_fill", lambda ballast: None)
        (disk / "log").unlink()

    receipt, healing = await run_fault(DiskFull(), replace(scene, patience=0.1), tmp_path, clear_up)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.FAILED)
    assert healing.evidence[0].during == ("FaultError: the disk did not stay full; a byte in a new file there: written")
    assert os.listdir(disk) == []


async def test_a_disk_that_nobody_keeps_full_is_not_healed(
    scene: Scene, disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Full in the end all the same, and nobody knows of the time before."""

    async def fail() -> None:
        def broken(ballast: Path) -> None:
            raise FaultError(f"the server's disk cannot be filled: {ballast.name}")

        monkeypatch.setattr(disk_full, "_fill", broken)
        await asyncio.sleep(2 * disk_full._AGAIN)

    receipt, healing = await run_fault(DiskFull(), scene, tmp_path, fail)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.FAILED)
    assert healing.evidence[0].during == (
        "FaultError: the disk was not kept full: the server's disk cannot be filled: .chaos-ballast"
    )
    assert os.listdir(disk) == ["log"]


async def test_a_disk_that_takes_more_was_not_full(
    scene: Scene, disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_full, "_fill", lambda ballast: None)
    receipt, healing = await run_fault(DiskFull(), scene, tmp_path)
    assert (receipt.bite, healing.state) == (Bite.DID_NOT_BITE, HealingState.HEALED)
    assert receipt.evidence[1].during == "written"


async def test_a_disk_that_stays_full_is_not_healed(
    scene: Scene, disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_full, "_refused", lambda disk: errno.ENOSPC)
    _, healing = await run_fault(DiskFull(), scene, tmp_path)
    assert healing.state is HealingState.FAILED
    assert healing.evidence[1].during == "ENOSPC"


async def test_it_heals_when_the_body_raises(scene: Scene, disk: Path, tmp_path: Path) -> None:
    healing = await run_with_broken_body(DiskFull(), scene, tmp_path)
    assert healing.state is HealingState.HEALED
    assert os.listdir(disk) == ["log"]


async def test_a_server_that_dies_of_it_is_gone_with_its_disk(
    scene: Scene, server: SpawnedServer, tmp_path: Path
) -> None:
    async def die() -> None:
        os.kill(server.pid, signal.SIGKILL)

        async def look() -> str:
            return evidence.process_state(server.pid)

        await evidence.poll_until(look, evidence.is_dead, within=PATIENCE)
        await asyncio.sleep(2 * disk_full._AGAIN)  # so that the ballast is looked at once more

    receipt, healing = await run_fault(DiskFull(), scene, tmp_path, die)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.GONE_WITH_THE_TARGET)
    assert healing.evidence[0].during == "none: it is gone"


async def test_a_server_without_a_disk_of_its_own_is_refused(agent: AsyncAgent, tmp_path: Path) -> None:
    async with start_server(agent, free_port(), tmp_path) as made:
        with pytest.raises(FaultError) as caught:
            await run_fault(DiskFull(), make_scene(made.address, pids=(made.pid,), agent=agent), tmp_path)
    assert (
        str(caught.value)
        == "the server has no disk of its own to be filled; start.disk in its target file gives it one"
    )
