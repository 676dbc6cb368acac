"""Clients that fall behind with their pongs: in time at first, and too late from the third on."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import Server

from chaos.agent.async_client import AsyncAgent
from chaos.crowd.handle import CrowdHandle
from chaos.faults.base import HELPER_WITHIN
from chaos.faults.late_pongs import GROWTH, PINGS, LatePongs
from chaos.journal import Bite, Ended, HealingState
from tests.unit.faults.stage import Direct, InProcess, echo_server, run_fault, run_with_broken_body

TIMEOUT = 0.2
INTERVAL = 0.1
"""Seconds, as the server here promises: what it sends in them takes less than a millisecond."""

CLOCK = 0.01
"""Seconds, more than a timer of the loop may be early."""

TOO_LATE = PINGS * GROWTH * TIMEOUT - CLOCK
"""Seconds by which the last of them is answered, by the clock of whoever is pinged."""

FALLING_BEHIND = LatePongs(timeout=TIMEOUT, interval=INTERVAL)


@contextlib.asynccontextmanager
async def pinging(server: Server, times: list[float]) -> AsyncIterator[None]:
    """Everybody is pinged at each interval; `times` gets how long each pong took."""

    async def answered(pong: Any, sent: float) -> None:
        await pong
        times.append(time.monotonic() - sent)

    async def beat() -> None:
        async with asyncio.TaskGroup() as waiting:
            while True:
                for connection in list(server.connections):
                    waiting.create_task(answered(await connection.ping(), time.monotonic()))
                await asyncio.sleep(INTERVAL)

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_pongs_come_later_and_later_and_then_too_late(
    worker: InProcess, agent: AsyncAgent, tmp_path: Path
) -> None:
    async with echo_server() as (address, server):
        direct = Direct(address, worker, agent)
        victims = await direct.connect()
        times: list[float] = []

        async def until_they_are_late() -> None:
            while sum(taken >= TOO_LATE for taken in times) < 3:  # noqa: ASYNC110  # a list tells nobody
                await asyncio.sleep(INTERVAL / 10)

        async with pinging(server, times):
            receipt, healing = await run_fault(
                FALLING_BEHIND, direct.scene(victims), tmp_path, lambda: asyncio.wait_for(until_they_are_late(), 5.0)
            )
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3), receipt
    delays, sockets = receipt.evidence
    assert delays.during.startswith("3 of 3, by 80ms, then 160ms, then 240ms")
    assert sockets.during == "3 ESTABLISHED"
    assert receipt.since <= receipt.at <= healing.since <= healing.at
    assert healing.state is HealingState.HEALED


async def test_it_has_died_with_the_first_ping_that_it_answers_too_late(
    worker: InProcess, agent: AsyncAgent, tmp_path: Path
) -> None:
    async with echo_server() as (address, server):
        direct = Direct(address, worker, agent)
        victims = await direct.connect()
        began = time.monotonic()
        async with pinging(server, []):
            receipt, _ = await run_fault(FALLING_BEHIND, direct.scene(victims), tmp_path)
    # Two pings were answered in time before it.
    assert began + (PINGS - 2) * INTERVAL < receipt.since <= receipt.at


async def test_who_is_not_pinged_is_not_late(worker: InProcess, agent: AsyncAgent, tmp_path: Path) -> None:
    async with echo_server() as (address, _):
        direct = Direct(address, worker, agent)
        victims = await direct.connect()
        receipt, healing = await run_fault(
            LatePongs(timeout=TIMEOUT, interval=INTERVAL / 10), direct.scene(victims), tmp_path
        )
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 0, 3)
    assert receipt.evidence[0].during == "0 of 3, by nothing"
    assert healing.state is HealingState.HEALED


async def test_clients_that_stay_are_not_healed(
    worker: InProcess, agent: AsyncAgent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stay(self: CrowdHandle) -> list[Ended]:
        return []

    async with echo_server() as (address, _):
        direct = Direct(address, worker, agent)
        victims = await direct.connect()
        monkeypatch.setattr(CrowdHandle, "reset", stay)
        _, healing = await run_fault(
            LatePongs(timeout=TIMEOUT, interval=INTERVAL / 10), direct.scene(victims), tmp_path
        )
    assert healing.state is HealingState.FAILED


async def test_it_heals_when_the_body_raises(direct: Direct, tmp_path: Path) -> None:
    victims = await direct.connect()
    fault = LatePongs(timeout=TIMEOUT, interval=INTERVAL / 10)
    healing = await run_with_broken_body(fault, direct.scene(victims), tmp_path)
    assert healing.state is HealingState.HEALED
    assert await victims.open_count() == 0


def test_its_deadline_has_room_for_the_pings_that_it_waits_for() -> None:
    assert LatePongs(timeout=10.0, interval=30.0).within(2.0) == 3 * 2.0 + HELPER_WITHIN + 2 * (PINGS + 1) * 30.0


@pytest.mark.parametrize("name", ["timeout", "interval"])
def test_no_time_at_all_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(f'{name} is seconds, above 0; found 0')}$"):
        LatePongs(**{name: 0})
