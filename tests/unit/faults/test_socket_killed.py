"""The server's sockets are killed under it, and both ends see that."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from chaos.agent.async_client import AsyncAgent
from chaos.agent.types import Connection
from chaos.faults.socket_killed import SocketKilled
from chaos.journal import Bite, HealingState, Outcome
from tests.unit.faults.stage import IMPATIENCE, Direct, run_fault, run_with_broken_body


@pytest.fixture(autouse=True)
async def can_kill(inside: Direct) -> None:
    can = (await inside.agent.hello()).can["sock_destroy"]
    if not can.available:
        pytest.skip(f"{can.reason}; {can.remedy}")


async def test_both_ends_are_gone(inside: Direct, tmp_path: Path) -> None:
    victims = await inside.connect()
    spared = await inside.worker.create("spared", victims.plan, 1)
    assert [attempt.outcome for attempt in await spared.connect()] == [Outcome.OPEN]
    receipt, healing = await run_fault(SocketKilled(), inside.scene(victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    assert receipt.evidence[0].during == "3 gone"
    assert [seen.during for seen in receipt.evidence[1:]] == ["gone, reset"] * 3
    assert [ended.how for ended in await victims.wait_ended(within=0)] == ["reset"] * 3
    assert healing.state is HealingState.HEALED
    assert (await spared.exchange()).answered == 1
    assert [attempt.outcome for attempt in await victims.connect()] == [Outcome.OPEN] * 3


async def test_sockets_that_live_are_not_covered(
    inside: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill = AsyncAgent.kill_sockets

    async def kill_all_but_one(self: AsyncAgent, connections: Iterable[Connection]) -> list[bool]:
        _, *others = connections
        return [True, *await kill(self, others)]

    monkeypatch.setattr(AsyncAgent, "kill_sockets", kill_all_but_one)
    victims = await inside.connect()
    receipt, healing = await run_fault(SocketKilled(), inside.scene(victims, patience=IMPATIENCE), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 2, 3)
    assert sorted(seen.during for seen in receipt.evidence[1:]) == [
        "ESTABLISHED, not reset",
        "gone, reset",
        "gone, reset",
    ]
    assert healing.state is HealingState.FAILED


async def test_a_client_that_left_before_is_not_covered(inside: Direct, tmp_path: Path) -> None:
    victims = await inside.connect()
    await victims.subset([2]).close()
    receipt, _ = await run_fault(SocketKilled(), inside.scene(victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 2, 3)


async def test_it_is_over_when_the_body_raises(inside: Direct, tmp_path: Path) -> None:
    victims = await inside.connect()
    assert (await run_with_broken_body(SocketKilled(), inside.scene(victims), tmp_path)).state is HealingState.HEALED
