"""Churn: half of them come while the other half goes, in every way there is."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.crowd.handle import CrowdHandle
from chaos.crowd.plan import Mode
from chaos.faults import churn
from chaos.faults.churn import ENDS, Churn
from chaos.journal import Attempt, Bite, Ended, HealingState
from tests.unit.crowd.making import until
from tests.unit.crowd.servers import echo
from tests.unit.faults.stage import (
    IMPATIENCE,
    PATIENCE,
    Direct,
    DirectLink,
    InProcess,
    make_victims,
    run_fault,
    run_with_broken_body,
)

GUESTS = 12
QUICK = Churn(times=4, gap=0.001)


@pytest.fixture
async def guests(direct: Direct) -> CrowdHandle:
    """Clients that have not connected yet."""
    return await make_victims(direct.worker, DirectLink(direct.server), GUESTS)


async def test_all_come_and_go_in_every_way(
    direct: Direct, guests: CrowdHandle, ends: list[str], tmp_path: Path
) -> None:
    receipt, healing = await run_fault(QUICK, direct.scene(guests), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 24, 24)
    came, heard, how = receipt.evidence
    assert (came.side, came.before) == ("client", "0")
    assert came.during.startswith("24 of 24 in ")
    assert (heard.side, heard.during) == ("server kernel", "24 of 24")
    assert how.during == ", ".join(f"4 {way}" for way in ENDS)
    assert receipt.since < receipt.at <= healing.since <= healing.at
    assert healing.state is HealingState.HEALED
    assert await guests.open_count() == 0
    await until(lambda: len(ends) == 24)
    # By RST: those that reset, and those that crashed within a frame.
    assert Counter(ends) == {"FIN": 16, "ConnectionResetError": 8}


async def test_half_of_them_are_there_at_a_time(
    direct: Direct, guests: CrowdHandle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside: list[int] = []
    connect = CrowdHandle.connect

    async def look(self: CrowdHandle, mode: Mode, *, gap: float) -> list[Attempt]:
        inside.append(await guests.open_count())
        return await connect(self, mode, gap=gap)

    monkeypatch.setattr(CrowdHandle, "connect", look)
    await run_fault(QUICK, direct.scene(guests), tmp_path)
    assert len(inside) == QUICK.times
    assert inside[0] == 0
    assert all(0 <= count <= GUESTS // 2 for count in inside)


async def test_each_client_goes_in_another_way_each_time(
    direct: Direct, guests: CrowdHandle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reset: Counter[int] = Counter()
    act = CrowdHandle.begin_frame

    async def count(self: CrowdHandle) -> list[int]:
        reset.update(self.indices)
        return await act(self)

    monkeypatch.setattr(CrowdHandle, "begin_frame", count)
    await run_fault(QUICK, direct.scene(guests), tmp_path)
    assert sum(reset.values()) == 4
    assert set(reset.values()) == {1}


async def test_ends_that_the_server_does_not_hear_of_are_no_churn(
    direct: Direct, guests: CrowdHandle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stay(self: CrowdHandle) -> list[Ended]:
        return []

    monkeypatch.setattr(CrowdHandle, "close", stay)
    receipt, healing = await run_fault(QUICK, direct.scene(guests, patience=IMPATIENCE), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 20, 24)
    assert healing.state is HealingState.HEALED  # those who stayed were reset


@pytest.mark.parametrize(("every", "came", "bite"), [(3, 16, Bite.BIT), (2, 12, Bite.BIT), (1, 0, Bite.DID_NOT_BITE)])
async def test_whoever_is_turned_away_is_the_servers_affair_as_long_as_half_get_in(
    every: int, came: int, bite: Bite, worker: InProcess, agent: AsyncAgent, tmp_path: Path
) -> None:
    async with _server_that_turns_away(every) as address:
        direct = Direct(address, worker, agent)
        guests = await make_victims(worker, DirectLink(address), GUESTS)
        receipt, _ = await run_fault(QUICK, direct.scene(guests), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (bite, came, came)
    assert receipt.evidence[0].during.startswith(f"{came} of 24 in ")


async def test_it_heals_when_the_body_raises(direct: Direct, guests: CrowdHandle, tmp_path: Path) -> None:
    healing = await run_with_broken_body(QUICK, direct.scene(guests), tmp_path)
    assert healing.state is HealingState.HEALED
    assert await guests.open_count() == 0


async def test_guests_who_stay_are_not_healed(
    direct: Direct, guests: CrowdHandle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stay(self: CrowdHandle) -> list[Ended]:
        return []

    for way in ("close", "reset"):
        monkeypatch.setattr(CrowdHandle, way, stay)
    # Each half comes once: nobody comes who is still there.
    _, healing = await run_fault(Churn(times=2, gap=0.0), direct.scene(guests, patience=IMPATIENCE), tmp_path)
    assert healing.state is HealingState.FAILED
    assert healing.evidence[0].during != "0"


def test_its_values_make_sense() -> None:
    with pytest.raises(ValueError, match=r"^times is a whole number from 2 on, for both halves to come; found 1$"):
        Churn(times=1)
    with pytest.raises(ValueError, match=r"^gap is seconds between two that come, zero or more; found -1$"):
        Churn(gap=-1)


async def test_a_server_that_is_too_slow_sees_no_churn(
    worker: InProcess, agent: AsyncAgent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(churn, "_ENOUGH", 1)

    async def dawdle(peer: ServerConnection) -> None:
        async for message in peer:
            await asyncio.sleep(IMPATIENCE)
            await peer.send(message)

    async with serve(dawdle, "127.0.0.1", 0, compression=None) as started:
        direct = Direct(Address(*started.sockets[0].getsockname()), worker, agent)
        guests = await make_victims(worker, DirectLink(direct.server), GUESTS)
        receipt, healing = await run_fault(QUICK, direct.scene(guests, patience=IMPATIENCE), tmp_path)
    assert receipt.bite is Bite.DID_NOT_BITE
    assert receipt.total < 24 / 2
    assert healing.state is HealingState.HEALED


def test_its_deadline_is_that_of_all_its_waits() -> None:
    assert QUICK.within(PATIENCE) - QUICK.within(0.0) == QUICK.waits * PATIENCE


@contextlib.asynccontextmanager
async def _server_that_turns_away(every: int) -> AsyncIterator[Address]:
    """A server that echoes, and answers every so-manieth upgrade with 503."""
    knocks = itertools.count(1)

    def full(connection: ServerConnection, _request: Request) -> Response | None:
        return None if next(knocks) % every else connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "")

    async with serve(echo, "127.0.0.1", 0, compression=None, process_request=full) as started:
        yield Address(*started.sockets[0].getsockname())
