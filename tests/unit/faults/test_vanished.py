"""Clients that vanish without a trace: the server's kernel holds what nobody is at the other end of."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest

from chaos.agent.async_client import AsyncAgent
from chaos.agent.types import Connection, RuleCounters, SocketInfo
from chaos.errors import AgentError
from chaos.faults.evidence import poll_until
from chaos.faults.vanished import Vanished
from chaos.journal import Bite, HealingState, Outcome
from tests.unit.faults.stage import IMPATIENCE, PATIENCE, Direct, run_fault, run_with_broken_body

RETRANSMITTED = 0.5
"""Seconds in which the kernel sends an unacknowledged segment again: after 0.2 s."""


async def sockets(inside: Direct) -> list[SocketInfo]:
    """What the server's kernel holds for its peers."""
    found = await inside.agent.sockets(inside.server.port)
    return [socket for socket in found if socket.side == "local" and socket.state not in ("LISTEN", "TIME_WAIT")]


async def states(inside: Direct) -> list[str]:
    return [socket.state for socket in await sockets(inside)]


async def test_the_server_is_told_nothing(inside: Direct, tmp_path: Path) -> None:
    victims = await inside.connect()

    async def look() -> None:
        assert await victims.open_count() == 0
        assert await states(inside) == ["ESTABLISHED"] * 3

    receipt, healing = await run_fault(Vanished(), inside.scene(victims), tmp_path, look)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    held, packets, *each = receipt.evidence
    assert (held.side, held.before, held.during) == ("server kernel", "3 ESTABLISHED", "3 ESTABLISHED")
    assert (packets.side, packets.before) == ("server kernel", "0")
    assert int(packets.during) >= 3
    assert sorted(seen.connection.partition(",")[0] for seen in each) == ["client 0", "client 1", "client 2"]
    counts = [seen.during.partition(", ") for seen in each]
    assert sum(int(count) for count, _, _ in counts) == int(packets.during)
    assert [state for *_, state in counts] == ["ESTABLISHED"] * 3
    assert receipt.since < receipt.at < healing.since <= healing.at
    assert healing.state is HealingState.HEALED
    assert [(seen.before, seen.during) for seen in healing.evidence] == [("3", "0")]
    assert await inside.agent.rules() == []


async def test_nothing_of_them_arrives_once_the_path_is_whole_again(inside: Direct, tmp_path: Path) -> None:
    """A FIN would: it is sent again until somebody acknowledges it."""
    victims = await inside.connect()

    async def unacknowledged() -> int:
        return sum(socket.wqueue for socket in await sockets(inside))

    # What the server has to send again would be answered with RST by a kernel that knows no such connection.
    await poll_until(unacknowledged, lambda left: left == 0, within=PATIENCE)
    await run_fault(Vanished(), inside.scene(victims), tmp_path)
    await asyncio.sleep(RETRANSMITTED)
    assert await states(inside) == ["ESTABLISHED"] * 3


async def test_the_same_host_can_connect_anew(inside: Direct, tmp_path: Path) -> None:
    victims = await inside.connect()

    async def connect_anew() -> None:
        assert [attempt.outcome for attempt in await victims.connect()] == [Outcome.OPEN] * 3

    receipt, _ = await run_fault(Vanished(), inside.scene(victims), tmp_path, connect_anew)
    assert receipt.bite is Bite.BIT
    assert (await victims.exchange()).answered == 3


async def test_rules_that_drop_nothing_do_not_bite(
    inside: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victims = await inside.connect()
    cut = AsyncAgent.cut_many

    async def cut_others(self: AsyncAgent, connections: Iterable[Connection]) -> list[int]:
        return await cut(self, [(local, ("127.0.0.2", remote[1])) for local, remote in connections])

    monkeypatch.setattr(AsyncAgent, "cut_many", cut_others)
    receipt, healing = await run_fault(Vanished(), inside.scene(victims, patience=IMPATIENCE), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 0, 3)
    assert [seen.during for seen in receipt.evidence] == ["3 gone", "0", *["0, gone"] * 3]
    assert healing.state is HealingState.HEALED


async def test_a_connection_that_is_cut_too_late_is_not_covered(inside: Direct, tmp_path: Path) -> None:
    victims = await inside.connect()
    await victims.subset([2]).close()
    receipt, _ = await run_fault(Vanished(), inside.scene(victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 2, 3)


async def test_rules_that_stay_are_not_healed(inside: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def leave(self: AsyncAgent, rules: Iterable[int]) -> None:
        """As if they had been taken back."""

    victims = await inside.connect()
    with monkeypatch.context() as patch:
        patch.setattr(AsyncAgent, "uncut_many", leave)
        receipt, healing = await run_fault(Vanished(), inside.scene(victims), tmp_path)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.FAILED)
    assert healing.evidence[0].during == "3"
    await inside.agent.flush_rules()


async def test_it_heals_when_the_body_raises(inside: Direct, tmp_path: Path) -> None:
    victims = await inside.connect()
    healing = await run_with_broken_body(Vanished(), inside.scene(victims), tmp_path)
    assert healing.state is HealingState.HEALED
    assert await inside.agent.rules() == []


async def test_a_cut_that_cannot_be_proven_is_taken_back(
    inside: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(self: AsyncAgent, rules: Iterable[int]) -> list[RuleCounters]:
        raise AgentError("no counters")

    victims = await inside.connect()
    monkeypatch.setattr(AsyncAgent, "rule_counters_many", fail)
    with pytest.raises(AgentError, match=r"^no counters$"):
        await run_fault(Vanished(), inside.scene(victims), tmp_path)
    assert await inside.agent.rules() == []
