"""A server that may open no more files: who is inside stays, who knocks waits, and newcomers get in once it is over."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.agent.types import FileLimit
from chaos.errors import FaultError
from chaos.faults import fd_limit
from chaos.faults.base import Scene
from chaos.faults.fd_limit import FdLimit, soft_limit
from chaos.journal import Bite, HealingState
from chaos.probes.conversation import open_connection
from tests.unit.faults.spawned import SHEDDING, SpawnedServer, start_server
from tests.unit.faults.stage import IMPATIENCE, PATIENCE, make_scene, run_fault, run_with_broken_body
from tests.unit.links.servers import free_port


@pytest.fixture
async def server(agent: AsyncAgent, tmp_path: Path) -> AsyncIterator[SpawnedServer]:
    """One that survives a shortage, as asyncio's accept does: it tries again after a second."""
    async with start_server(agent, free_port(), tmp_path) as made:
        yield made


@pytest.fixture
def scene(server: SpawnedServer, agent: AsyncAgent) -> Scene:
    return make_scene(server.address, pids=(server.pid,), agent=agent)


def open_files(pid: int) -> set[int]:
    """The descriptors of a process."""
    return {int(file.name) for file in Path(f"/proc/{pid}/fd").iterdir()}


async def serves(address: Address, *, within: float) -> bool:
    """Whether a newcomer gets in."""
    try:
        connection = await open_connection(address, "/", within=within)
    except TimeoutError:
        return False
    await connection.close()
    return True


async def test_newcomers_wait_and_those_inside_stay(scene: Scene, server: SpawnedServer, tmp_path: Path) -> None:
    before = soft_limit(server.pid)
    inside = await open_connection(server.address, "/", within=PATIENCE)

    async def look() -> None:
        assert soft_limit(server.pid) != before
        assert not await serves(server.address, within=IMPATIENCE)
        await asyncio.wait_for(await inside.ping(), PATIENCE)

    receipt, healing = await run_fault(FdLimit(), scene, tmp_path, look)
    limits, queue, ended = receipt.evidence
    assert (receipt.bite, limits.side, limits.before) == (Bite.BIT, "server kernel", str(before))
    assert int(limits.during) < int(limits.before)
    assert (queue.before, queue.during) == ("0", "3")
    assert ended.during == "0 of 3"
    assert receipt.since < receipt.at < healing.since <= healing.at
    assert healing.state is HealingState.HEALED
    assert (healing.evidence[0].before, healing.evidence[0].during) == (limits.during, str(before))
    assert soft_limit(server.pid) == before
    assert await serves(server.address, within=PATIENCE)
    await inside.close()


async def test_nobody_of_before_gives_a_file_back(scene: Scene, server: SpawnedServer, tmp_path: Path) -> None:
    """Whoever has knocked before is over: its file, given back while they are short, would be one to spare."""
    before = open_files(server.pid)

    def look() -> None:
        assert open_files(server.pid) == before
        assert soft_limit(server.pid) == 1 + max(before)

    await run_fault(FdLimit(), scene, tmp_path, look)


async def test_newcomers_who_are_ended_at_once_are_short_of_files_too(agent: AsyncAgent, tmp_path: Path) -> None:
    async with start_server(agent, free_port(), tmp_path, script=SHEDDING) as shedding:
        scene = make_scene(shedding.address, pids=(shedding.pid,), agent=agent)
        receipt, healing = await run_fault(FdLimit(), scene, tmp_path)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.HEALED)
    # The first has the file that the kernel had set aside for it while the server waited.
    assert [seen.during for seen in receipt.evidence[1:]] == ["0", "2 of 3"]


async def test_a_server_that_ends_whoever_says_nothing_has_shown_nothing(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fd_limit, "_ended", lambda knock: True)
    receipt, _ = await run_fault(FdLimit(spare=5, knocks=0), scene, tmp_path)
    assert (receipt.bite, receipt.evidence[2].during) == (Bite.DID_NOT_BITE, "0 of 5")


async def test_as_many_as_are_spared_are_taken(scene: Scene, tmp_path: Path) -> None:
    receipt, healing = await run_fault(FdLimit(spare=4, knocks=2), scene, tmp_path)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.HEALED)
    assert receipt.evidence[1].during == "2"  # of six


async def test_a_limit_that_was_not_set_does_not_bite(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def limit_nothing(self: AsyncAgent, pids: Iterable[int], *, spare: int) -> list[FileLimit]:
        return []

    monkeypatch.setattr(AsyncAgent, "limit_files", limit_nothing)
    receipt, healing = await run_fault(FdLimit(), scene, tmp_path)
    assert (receipt.bite, healing.state) == (Bite.DID_NOT_BITE, HealingState.HEALED)
    assert [each.during for each in receipt.evidence] == ["none", "0", "0 of 3"]


async def test_files_enough_for_all_who_knock_do_not_bite(scene: Scene, tmp_path: Path) -> None:
    receipt, _ = await run_fault(FdLimit(spare=5, knocks=0), scene, tmp_path)
    assert receipt.bite is Bite.DID_NOT_BITE
    assert receipt.evidence[1].during == "0"


async def test_a_limit_that_stays_is_not_healed(
    server: SpawnedServer, agent: AsyncAgent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def restore_nothing(self: AsyncAgent, limits: Iterable[FileLimit]) -> list[int]:
        return []

    monkeypatch.setattr(AsyncAgent, "restore_files", restore_nothing)
    scene = make_scene(server.address, pids=(server.pid,), agent=agent)
    receipt, healing = await run_fault(FdLimit(), scene, tmp_path)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.FAILED)
    assert healing.evidence[0].during == healing.evidence[0].before


async def test_a_server_that_accepts_no_more_had_its_limit_back(
    scene: Scene, server: SpawnedServer, agent: AsyncAgent, tmp_path: Path
) -> None:
    """What it makes of that is its own: a fault that called it not healed would take the scenario's judgement away."""
    before = soft_limit(server.pid)

    async def stand_still() -> None:
        await agent.signal([server.pid], signal.SIGSTOP)

    _, healing = await run_fault(FdLimit(), scene, tmp_path, stand_still)
    assert (healing.state, healing.evidence[0].during) == (HealingState.HEALED, str(before))


async def test_a_server_that_dies_of_it_is_gone(spawned: SpawnedServer, agent: AsyncAgent, tmp_path: Path) -> None:
    """Its accept raises, and nothing catches that."""
    scene = make_scene(spawned.address, pids=(spawned.pid,), agent=agent)

    async def until_it_is_dead() -> None:
        async with asyncio.timeout(PATIENCE):
            while await agent.tree(spawned.pid):  # noqa: ASYNC110  # another process ends
                await asyncio.sleep(IMPATIENCE / 10)

    _, healing = await run_fault(FdLimit(), scene, tmp_path, until_it_is_dead)
    assert healing.state is HealingState.GONE_WITH_THE_TARGET


async def test_a_server_that_dies_while_it_is_knocked_at_has_been_bitten(
    spawned: SpawnedServer, agent: AsyncAgent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the first knock, for instance: the second is refused."""
    knock, limited = AsyncAgent.connect, AsyncAgent.limit_files
    short = False

    async def limit(self: AsyncAgent, *args: Any, **options: Any) -> list[FileLimit]:
        nonlocal short
        short = True
        return await limited(self, *args, **options)

    async def knock_at_the_dead(self: AsyncAgent, *args: Any, **options: Any) -> Any:
        if not short:
            return await knock(self, *args, **options)
        with contextlib.suppress(ProcessLookupError):  # of the knock before
            os.kill(spawned.pid, signal.SIGKILL)
        return await knock(self, *args, **options)

    monkeypatch.setattr(AsyncAgent, "limit_files", limit)
    monkeypatch.setattr(AsyncAgent, "connect", knock_at_the_dead)
    scene = make_scene(spawned.address, pids=(spawned.pid,), agent=agent)
    receipt, healing = await run_fault(FdLimit(), scene, tmp_path)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.GONE_WITH_THE_TARGET)


async def test_it_heals_when_the_body_raises(scene: Scene, server: SpawnedServer, tmp_path: Path) -> None:
    before = soft_limit(server.pid)
    healing = await run_with_broken_body(FdLimit(), scene, tmp_path)
    assert (healing.state, soft_limit(server.pid)) == (HealingState.HEALED, before)


async def test_where_nobody_listens(agent: AsyncAgent, tmp_path: Path) -> None:
    nowhere = make_scene(Address("127.0.0.1", free_port()), agent=agent)
    message = rf"^nobody listens on port {nowhere.server.port}, so there is nobody to knock at$"
    with pytest.raises(FaultError, match=message):
        await run_fault(FdLimit(), nowhere, tmp_path)


@pytest.mark.parametrize(("spare", "knocks"), [(-1, 3), (0, -1)])
def test_nonsense_cannot_be_made(spare: int, knocks: int) -> None:
    with pytest.raises(
        ValueError, match=rf"^spare is a number of files, knocks one of connections; found {spare} and {knocks}$"
    ):
        FdLimit(spare=spare, knocks=knocks)


def test_no_limit_of_no_process() -> None:
    assert soft_limit(2**22 + 1) is None  # beyond the largest pid
