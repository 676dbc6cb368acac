"""A client that is there and says nothing: its kernel acknowledges for it, its application never answers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chaos.agent.async_client import AsyncAgent
from chaos.crowd.handle import CrowdHandle
from chaos.errors import AgentError
from chaos.faults.silent import SilentClient
from chaos.journal import Bite, Ended, HealingState
from tests.unit.crowd.making import until
from tests.unit.faults.stage import (
    IMPATIENCE,
    Direct,
    InProcess,
    Witness,
    echo_server,
    run_fault,
    run_with_broken_body,
)


async def test_pings_arrive_and_are_never_answered(worker: InProcess, agent: AsyncAgent, tmp_path: Path) -> None:
    ends: list[str] = []
    async with echo_server(type("Witness", (Witness,), {"ends": ends})) as (address, server):
        direct = Direct(address, worker, agent)
        victims = await direct.connect()

        async def ping() -> None:
            pongs = [await connection.ping() for connection in server.connections]
            answered, _ = await asyncio.wait([asyncio.ensure_future(pong) for pong in pongs], timeout=IMPATIENCE)
            assert answered == set()
            held = [found for found in await agent.sockets(address.port) if found.side == "local" and found.inode]
            established = [found for found in held if found.state == "ESTABLISHED"]
            assert [found.wqueue for found in established] == [0, 0, 0]  # the kernel acknowledged every byte
            assert (await victims.exchange()).unsent == 3

        receipt, healing = await run_fault(SilentClient(), direct.scene(victims), tmp_path, ping)
        assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
        assert [(seen.side, seen.before, seen.during) for seen in receipt.evidence] == [
            ("server kernel", "3 ESTABLISHED", "3 ESTABLISHED"),
            ("client", "0", "3 of 3"),
        ]
        assert receipt.since < receipt.at < healing.since <= healing.at
        assert healing.state is HealingState.HEALED
        assert [(seen.side, seen.before, seen.during) for seen in healing.evidence] == [("client", "3", "0")]
        await until(lambda: len(ends) == 3)
        assert ends == ["ConnectionResetError"] * 3


async def test_clients_that_still_answer_are_not_covered(
    direct: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victims = await direct.connect()
    silence = CrowdHandle.silence

    async def silence_one(self: CrowdHandle) -> list[int]:
        return await silence(self.subset([2]))

    monkeypatch.setattr(CrowdHandle, "silence", silence_one)
    receipt, _ = await run_fault(SilentClient(), direct.scene(victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 1, 3)
    assert receipt.evidence[1].during == "1 of 3"


async def test_a_client_that_the_server_has_cut_is_not_covered(direct: Direct, tmp_path: Path) -> None:
    victims = await direct.connect()
    await victims.subset([0]).close()
    receipt, _ = await run_fault(SilentClient(), direct.scene(victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 2, 3)


async def test_clients_that_stay_are_not_healed(
    direct: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stay(self: CrowdHandle) -> list[Ended]:
        return []

    victims = await direct.connect()
    monkeypatch.setattr(CrowdHandle, "reset", stay)
    _, healing = await run_fault(SilentClient(), direct.scene(victims), tmp_path)
    assert healing.state is HealingState.FAILED
    assert healing.evidence[0].during == "3"


async def test_it_heals_when_the_body_raises(direct: Direct, tmp_path: Path) -> None:
    victims = await direct.connect()
    healing = await run_with_broken_body(SilentClient(), direct.scene(victims), tmp_path)
    assert healing.state is HealingState.HEALED
    assert await victims.open_count() == 0


async def test_a_silence_that_cannot_be_proven_is_taken_back(
    direct: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victims = await direct.connect()
    silence = CrowdHandle.silence

    async def lose_the_agent(self: CrowdHandle) -> list[int]:
        await direct.agent.close()
        return await silence(self)

    monkeypatch.setattr(CrowdHandle, "silence", lose_the_agent)
    with pytest.raises(AgentError, match="this connection was closed"):
        await run_fault(SilentClient(), direct.scene(victims), tmp_path)
    assert await victims.open_count() == 0
