"""Clients that close, have their answer, and keep TCP."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.agent.async_client import AsyncAgent
from chaos.crowd.handle import CrowdHandle
from chaos.errors import AgentError
from chaos.faults.close_held import CloseHeld
from chaos.journal import Bite, Ended, HealingState
from tests.unit.faults.stage import (
    SOME_PATIENCE,
    Deaf,
    Direct,
    InProcess,
    echo_server,
    run_fault,
    run_with_broken_body,
    until_kept_alone,
)


async def test_both_close_frames_are_out_and_tcp_stays(worker: InProcess, agent: AsyncAgent, tmp_path: Path) -> None:
    async with echo_server() as (address, server):
        direct = Direct(address, worker, agent)
        victims = await direct.connect()
        served = list(server.connections)

        async def until_the_server_has_done_its_part() -> None:
            await until_kept_alone(victims)
            said = [connection.protocol.close_sent for connection in served]
            assert [close is not None and close.code for close in said] == [1000] * 3

        receipt, healing = await run_fault(
            CloseHeld(), direct.scene(victims), tmp_path, until_the_server_has_done_its_part
        )
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    assert receipt.evidence[0].during == "3 of 3"
    assert receipt.evidence[1].before == "3 ESTABLISHED"
    assert healing.state is HealingState.HEALED
    assert await victims.open_count() == 0


async def test_whose_close_is_never_answered_is_not_covered(
    worker: InProcess, agent: AsyncAgent, tmp_path: Path
) -> None:
    async with echo_server(Deaf) as (address, _):
        direct = Direct(address, worker, agent)
        victims = await direct.connect(first_message=False)
        receipt, healing = await run_fault(CloseHeld(), direct.scene(victims, patience=SOME_PATIENCE), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 0, 3)
    assert receipt.evidence[0].during == "0 of 3"
    assert healing.state is HealingState.HEALED


async def test_who_has_left_before_is_not_covered(direct: Direct, tmp_path: Path) -> None:
    victims = await direct.connect()
    await victims.subset([0]).close()
    receipt, _ = await run_fault(CloseHeld(), direct.scene(victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 2, 3)


async def test_clients_that_stay_are_not_healed(
    direct: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stay(self: CrowdHandle) -> list[Ended]:
        return []

    victims = await direct.connect()
    monkeypatch.setattr(CrowdHandle, "reset", stay)
    _, healing = await run_fault(CloseHeld(), direct.scene(victims), tmp_path)
    assert healing.state is HealingState.FAILED
    assert healing.evidence[0].during == "3"


async def test_it_heals_when_the_body_raises(direct: Direct, tmp_path: Path) -> None:
    victims = await direct.connect()
    healing = await run_with_broken_body(CloseHeld(), direct.scene(victims), tmp_path)
    assert healing.state is HealingState.HEALED
    assert await victims.open_count() == 0


async def test_a_close_that_cannot_be_proven_is_taken_back(
    direct: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victims = await direct.connect()
    hold_on = CrowdHandle.hold_on

    async def lose_the_agent(self: CrowdHandle) -> list[int]:
        await direct.agent.close()
        return await hold_on(self)

    monkeypatch.setattr(CrowdHandle, "hold_on", lose_the_agent)
    with pytest.raises(AgentError, match="this connection was closed"):
        await run_fault(CloseHeld(), direct.scene(victims), tmp_path)
    assert await victims.open_count() == 0
