"""A reconnect storm: all are reset at once, and all come back at once."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.crowd.handle import CrowdHandle
from chaos.crowd.plan import ClientState, Mode
from chaos.faults.reconnect_storm import ReconnectStorm
from chaos.journal import Attempt, Bite, Ended, HealingState
from tests.unit.crowd.making import until
from tests.unit.crowd.servers import echo
from tests.unit.faults.stage import IMPATIENCE, PATIENCE, Direct, InProcess, run_fault, run_with_broken_body

SIZE = 6
QUICK = ReconnectStorm(pause=0.01)


async def test_all_are_reset_and_all_are_back(direct: Direct, ends: list[str], tmp_path: Path) -> None:
    victims = await direct.connect(SIZE)
    before = set(await victims.locals())
    receipt, healing = await run_fault(QUICK, direct.scene(victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, SIZE, SIZE)
    old, together, turned_away = receipt.evidence
    assert (old.side, old.before, old.during) == ("server kernel", f"{SIZE} ESTABLISHED", "0 ESTABLISHED")
    assert together.during.startswith(f"{SIZE} of {SIZE}, begun within ")
    assert turned_away.during == "0 at first, 0 after 1 try"
    assert healing.state is HealingState.HEALED
    assert receipt.since < receipt.at <= healing.since <= healing.at
    await until(lambda: len(ends) == SIZE)
    assert ends == ["ConnectionResetError"] * SIZE
    assert await victims.open_count() == SIZE
    assert not before & set(await victims.locals())


async def test_whoever_is_turned_away_tries_again(worker: InProcess, agent: AsyncAgent, tmp_path: Path) -> None:
    async with _server_that_turns_away(after=SIZE, often=SIZE + 2) as address:
        direct = Direct(address, worker, agent)
        victims = await direct.connect(SIZE)
        receipt, healing = await run_fault(QUICK, direct.scene(victims), tmp_path)
        assert await victims.open_count() == SIZE
    assert receipt.bite is Bite.BIT
    assert receipt.evidence[2].during == f"{SIZE} at first, 0 after 3 tries"
    assert healing.state is HealingState.HEALED


async def test_it_is_over_when_nobody_has_patience_any_more(
    worker: InProcess, agent: AsyncAgent, tmp_path: Path
) -> None:
    async with _server_that_turns_away(after=SIZE, often=10**9) as address:
        direct = Direct(address, worker, agent)
        victims = await direct.connect(SIZE)
        receipt, healing = await run_fault(QUICK, direct.scene(victims, patience=IMPATIENCE), tmp_path)
    assert receipt.bite is Bite.BIT  # that nobody got in is the server's affair
    assert receipt.evidence[2].during.startswith(f"{SIZE} at first, {SIZE} after ")
    assert healing.state is HealingState.HEALED


async def test_one_after_the_other_is_no_storm(direct: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victims = await direct.connect(SIZE)
    connect = CrowdHandle.connect

    async def queue_up(self: CrowdHandle) -> list[Attempt]:
        return await connect(self, Mode.SEQUENTIAL)

    monkeypatch.setattr(CrowdHandle, "connect", queue_up)
    receipt, _ = await run_fault(QUICK, direct.scene(victims), tmp_path)
    assert receipt.bite is Bite.DID_NOT_BITE
    assert receipt.evidence[1].during.startswith(f"1 of {SIZE}, ")


async def test_those_who_had_left_were_not_cut(direct: Direct, tmp_path: Path) -> None:
    victims = await direct.connect(SIZE)
    await victims.subset([1]).close()
    receipt, _ = await run_fault(QUICK, direct.scene(victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, SIZE - 1, SIZE)


async def test_an_old_connection_that_stays_was_not_cut(
    direct: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victims = await direct.connect(SIZE)
    reset, connect = CrowdHandle.reset, CrowdHandle.connect

    async def reset_most(self: CrowdHandle) -> list[Ended]:
        return await reset(self.subset(range(1, SIZE)))

    async def connect_most(self: CrowdHandle) -> list[Attempt]:
        return await connect(self.subset(range(1, SIZE)))

    monkeypatch.setattr(CrowdHandle, "reset", reset_most)
    monkeypatch.setattr(CrowdHandle, "connect", connect_most)
    receipt, _ = await run_fault(QUICK, direct.scene(victims, patience=IMPATIENCE), tmp_path)
    assert (receipt.bite, receipt.covered) == (Bite.DID_NOT_BITE, SIZE - 1)
    assert receipt.evidence[0].during == "1 ESTABLISHED"


async def test_attempts_that_go_on_are_not_healed(
    direct: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victims = await direct.connect(SIZE)

    async def go_on(self: CrowdHandle) -> dict[int, ClientState]:
        return {0: ClientState.CONNECTING, 1: ClientState.OPEN}

    monkeypatch.setattr(CrowdHandle, "states", go_on)
    _, healing = await run_fault(QUICK, direct.scene(victims), tmp_path)
    assert healing.state is HealingState.FAILED
    assert healing.evidence[0].during == "1"


async def test_it_is_over_when_the_body_raises(direct: Direct, tmp_path: Path) -> None:
    victims = await direct.connect(SIZE)
    healing = await run_with_broken_body(QUICK, direct.scene(victims), tmp_path)
    assert healing.state is HealingState.HEALED


def test_its_pause_is_a_pause() -> None:
    with pytest.raises(ValueError, match=r"^pause is seconds until who was turned away tries again, above 0; found 0$"):
        ReconnectStorm(pause=0)


def test_its_deadline_is_that_of_all_its_waits() -> None:
    assert QUICK.within(PATIENCE) - QUICK.within(0.0) == QUICK.waits * PATIENCE


@contextlib.asynccontextmanager
async def _server_that_turns_away(*, after: int, often: int) -> AsyncIterator[Address]:
    """A server that echoes; so many it lets in, and then it answers so many with 503."""
    knocks = 0

    def full(connection: ServerConnection, _request: Request) -> Response | None:
        nonlocal knocks
        knocks += 1
        return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "") if after < knocks <= after + often else None

    async with serve(echo, "127.0.0.1", 0, compression=None, process_request=full) as started:
        yield Address(*started.sockets[0].getsockname())
