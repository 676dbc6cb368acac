"""Clients whom the server closes and who never answer: its close frame is read, and TCP stays."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from websockets.asyncio.server import Server

from chaos.agent.async_client import AsyncAgent
from chaos.crowd.handle import CrowdHandle
from chaos.faults.base import HELPER_WITHIN
from chaos.faults.close_unanswered import CloseUnanswered
from chaos.journal import Bite, Ended, HealingState
from tests.unit.faults.stage import (
    PATIENCE,
    Direct,
    InProcess,
    echo_server,
    run_fault,
    run_with_broken_body,
    until_kept_alone,
)

IDLE = 0.1
"""Seconds after which a server is to close whoever says nothing; twice that is waited for."""

LEFT_ALONE = CloseUnanswered(idle=IDLE)
CLOSED = CloseUnanswered(idle=PATIENCE)
"""Where the server does close: as soon as they are ready, whenever that is."""


@pytest.fixture
def held_back(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set once the clients are ready not to answer."""
    ready, hold_back = asyncio.Event(), CrowdHandle.hold_back

    async def and_say_so(self: CrowdHandle) -> list[int]:
        found = await hold_back(self)
        ready.set()
        return found

    monkeypatch.setattr(CrowdHandle, "hold_back", and_say_so)
    return ready


async def close_all(server: Server, ends: list[float], *, when: asyncio.Event) -> None:
    """Close everybody, as an idle timeout does; `ends` gets how long each of them took."""
    await when.wait()

    async def close(connection: object) -> None:
        began = time.monotonic()
        await connection.close(1001, "idle")  # type: ignore[attr-defined]  # a ServerConnection
        ends.append(time.monotonic() - began)

    await asyncio.gather(*(close(connection) for connection in list(server.connections)))


async def test_the_close_frame_is_read_and_never_answered(
    worker: InProcess, agent: AsyncAgent, tmp_path: Path, held_back: asyncio.Event
) -> None:
    async with echo_server() as (address, server):
        direct = Direct(address, worker, agent)
        victims = await direct.connect()
        ends: list[float] = []
        began = time.monotonic()
        closing = asyncio.create_task(close_all(server, ends, when=held_back))

        async def until_it_has_given_up() -> None:
            await closing

        receipt, healing = await run_fault(CLOSED, direct.scene(victims), tmp_path, until_it_has_given_up)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    # It acts from when the last close frame had come.
    assert began < receipt.since <= receipt.at
    assert receipt.evidence[0].during == "3 of 3"
    assert (receipt.evidence[1].before, receipt.evidence[1].side) == ("3 ESTABLISHED", "server kernel")
    # The server waited for answers until its own patience was over: none came.
    assert len(ends) == 3
    assert min(ends) >= PATIENCE / 10 - 0.01  # the loop's clock is as coarse as that
    assert healing.state is HealingState.HEALED
    assert await victims.open_count() == 0


async def test_tcp_is_kept_after_the_servers_fin(
    worker: InProcess, agent: AsyncAgent, tmp_path: Path, held_back: asyncio.Event
) -> None:
    async with echo_server() as (address, server):
        direct = Direct(address, worker, agent)
        victims = await direct.connect()
        closing = asyncio.create_task(close_all(server, [], when=held_back))

        async def end_its_half() -> None:
            for connection in list(server.connections):
                connection.transport.write_eof()
            await until_kept_alone(victims)

        await run_fault(CLOSED, direct.scene(victims), tmp_path, end_its_half)
        await closing


async def test_whom_the_server_never_closes_is_not_covered(direct: Direct, tmp_path: Path) -> None:
    victims = await direct.connect()
    receipt, healing = await run_fault(LEFT_ALONE, direct.scene(victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 0, 3)
    assert receipt.evidence[0].during == "0 of 3"
    assert healing.state is HealingState.HEALED


async def test_clients_that_stay_are_not_healed(
    direct: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stay(self: CrowdHandle) -> list[Ended]:
        return []

    victims = await direct.connect()
    monkeypatch.setattr(CrowdHandle, "reset", stay)
    _, healing = await run_fault(LEFT_ALONE, direct.scene(victims), tmp_path)
    assert healing.state is HealingState.FAILED


async def test_it_heals_when_the_body_raises(direct: Direct, tmp_path: Path) -> None:
    victims = await direct.connect()
    healing = await run_with_broken_body(LEFT_ALONE, direct.scene(victims), tmp_path)
    assert healing.state is HealingState.HEALED
    assert await victims.open_count() == 0


def test_it_waits_for_the_idle_timeout() -> None:
    assert CloseUnanswered(idle=300.0).within(1.0) == 3 * 1.0 + HELPER_WITHIN + 2 * 300.0


@pytest.mark.parametrize("idle", [0.0, -1.0, float("nan")])
def test_an_idle_time_that_makes_no_sense(idle: float) -> None:
    with pytest.raises(ValueError, match=r"^idle is seconds, above 0; found "):
        CloseUnanswered(idle=idle)
