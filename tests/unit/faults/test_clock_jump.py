"""A server whose wall clock jumps: seen in the dates that it says, and set right whatever happens."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from chaos.agent.async_client import AsyncAgent
from chaos.agent.clock_library import clock_environment, find_clock_library, offset
from chaos.errors import FaultError
from chaos.faults import clock_jump, evidence
from chaos.faults.base import Scene
from chaos.faults.clock_jump import ClockJump, ClockSetBack, clock_of
from chaos.journal import Bite, HealingState
from chaos.probes.http import Answer, get
from tests.unit.faults.spawned import SpawnedServer, start_server
from tests.unit.faults.stage import IMPATIENCE, PATIENCE, make_scene, run_fault, run_with_broken_body
from tests.unit.links.servers import free_port

DAY = 86400.0


@pytest.fixture
def clock(tmp_path: Path) -> Path:
    file = tmp_path / "clock"
    file.write_text(offset(0.0))
    return file


@pytest.fixture
async def server(agent: AsyncAgent, clock: Path, tmp_path: Path) -> AsyncIterator[SpawnedServer]:
    """One with a clock of its own."""
    library = find_clock_library()
    if library is None:
        pytest.skip("libfaketime is not installed; apt-get install libfaketime")
    environment = clock_environment(library, clock)
    async with start_server(agent, free_port(), tmp_path, environment=environment) as made:
        yield made


@pytest.fixture
def scene(server: SpawnedServer, agent: AsyncAgent) -> Scene:
    return make_scene(server.address, pids=(server.pid,), agent=agent)


async def ahead(server: SpawnedServer) -> float:
    """Seconds by which the server's date is ahead."""
    answer = await get(server.address, "/", within=PATIENCE)
    return parsedate_to_datetime(answer.headers["date"]).timestamp() - time.time()


@pytest.mark.parametrize(("fault", "by"), [(ClockJump(), DAY), (ClockSetBack(), -DAY), (ClockJump(by=60.0), 60.0)])
async def test_it_jumps_and_is_set_right(
    fault: ClockJump, by: float, scene: Scene, server: SpawnedServer, tmp_path: Path
) -> None:
    seen: list[float] = []

    async def look() -> None:
        seen.append(await ahead(server))

    receipt, healing = await run_fault(fault, scene, tmp_path, look)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.HEALED)
    assert seen == [pytest.approx(by, abs=10.0)]
    assert await ahead(server) == pytest.approx(0.0, abs=10.0)
    (read,) = receipt.evidence
    assert read.what == "how far the Date of the server's answers is ahead"
    assert receipt.since < receipt.at <= healing.since <= healing.at
    assert healing.evidence[0].before == read.during


async def test_a_clock_that_does_not_move_was_not_bitten(
    scene: Scene, clock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock_jump, "offset", lambda seconds: offset(0.0))
    receipt, healing = await run_fault(ClockJump(), _impatient(scene), tmp_path)
    assert (receipt.bite, healing.state) == (Bite.DID_NOT_BITE, HealingState.HEALED)
    assert clock.read_text() == offset(0.0)  # noqa: ASYNC240  # of a few bytes


async def test_a_clock_that_stays_wrong_is_not_healed(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock_jump, "offset", lambda seconds: offset(DAY))
    receipt, healing = await run_fault(ClockJump(), _impatient(scene), tmp_path)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.FAILED)


async def test_of_a_server_that_says_no_date_nothing_is_known(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(*given: object, **options: object) -> Answer:
        return Answer(200, b"")

    monkeypatch.setattr(clock_jump, "get", answer)
    receipt, healing = await run_fault(ClockJump(), scene, tmp_path)
    assert (receipt.bite, healing.state) == (Bite.UNKNOWN, HealingState.FAILED)
    assert receipt.evidence[0].during == "it says none"


async def test_whoever_looks_at_the_clock_is_nobodys_connection(
    scene: Scene, server: SpawnedServer, agent: AsyncAgent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a scenario that waits for the server's connections to be gone waits for ours."""
    counted: list[object] = []

    async def counting(*given: Any, **options: Any) -> Answer:
        counted.extend(found for found in await agent.sockets(server.address.port) if found.state == "ESTABLISHED")
        return await get(*given, **options)

    monkeypatch.setattr(clock_jump, "get", counting)
    receipt, _ = await run_fault(ClockJump(), scene, tmp_path)
    assert receipt.bite is Bite.BIT
    assert counted == []


async def test_it_heals_when_the_body_raises(scene: Scene, server: SpawnedServer, tmp_path: Path) -> None:
    healing = await run_with_broken_body(ClockJump(), scene, tmp_path)
    assert healing.state is HealingState.HEALED
    assert await ahead(server) == pytest.approx(0.0, abs=10.0)


async def test_a_server_that_dies_meanwhile_is_gone(scene: Scene, server: SpawnedServer, tmp_path: Path) -> None:
    async def die() -> None:
        os.kill(server.pid, signal.SIGKILL)

        async def look() -> str:
            return evidence.process_state(server.pid)

        await evidence.poll_until(look, evidence.is_dead, within=PATIENCE)

    _, healing = await run_fault(ClockJump(), _impatient(scene), tmp_path, die)
    assert healing.state is HealingState.GONE_WITH_THE_TARGET


async def test_a_server_with_the_machines_clock_is_refused(agent: AsyncAgent, tmp_path: Path) -> None:
    async with start_server(agent, free_port(), tmp_path) as made:
        scene = make_scene(made.address, pids=(made.pid,), agent=agent)
        with pytest.raises(FaultError) as caught:
            await run_fault(ClockJump(), scene, tmp_path)
    assert str(caught.value) == (
        "the server keeps the machine's clock, which no fault may touch; start it with one of its own first "
        "(Experiment.restart_server_with_a_clock)"
    )


def test_a_process_that_is_not_there_has_no_clock() -> None:
    assert clock_of(2**22 + 1) is None


@pytest.mark.parametrize("by", [0.0, 59.0, -30.0, float("nan")])
def test_what_is_no_jump(by: float) -> None:
    with pytest.raises(ValueError, match=r"^by is a jump of 60 s or more, ahead or \(negative\) back; found "):
        ClockJump(by=by)


def _impatient(scene: Scene) -> Scene:
    return make_scene(scene.server.address, pids=scene.server.root_pids, agent=scene.agent, patience=IMPATIENCE)
