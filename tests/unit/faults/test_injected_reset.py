"""RST by the kernel in the name of a client that has done nothing: both ends see it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from chaos.agent.async_client import AsyncAgent
from chaos.agent.types import Connection, RuleCounters
from chaos.errors import AgentError
from chaos.faults.injected_reset import InjectedReset
from chaos.journal import Bite, HealingState, Outcome
from tests.unit.faults.stage import IMPATIENCE, Direct, run_fault, run_with_broken_body


async def test_both_ends_see_an_rst(inside: Direct, tmp_path: Path) -> None:
    victims = await inside.connect()
    resets = (await inside.agent.counters())["EstabResets"]
    receipt, healing = await run_fault(InjectedReset(), inside.scene(victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    states, packets, *each = receipt.evidence
    assert states.during == "3 gone"
    to_server, to_clients = (int(part.split()[0]) for part in packets.during.split(", "))
    assert to_server == 0
    assert to_clients >= 3
    assert [seen.during for seen in each] == ["gone, reset"] * 3
    assert [ended.how for ended in await victims.wait_ended(within=0)] == ["reset"] * 3
    assert (await inside.agent.counters())["EstabResets"] - resets == 6, "three connections, two ends each"
    assert healing.state is HealingState.HEALED
    assert [(seen.before, seen.during) for seen in healing.evidence] == [("3", "0"), ("3", "0")]
    assert await inside.agent.rules() == []
    assert [attempt.outcome for attempt in await victims.connect()] == [Outcome.OPEN] * 3


async def test_rules_that_refuse_nothing_do_not_bite(
    inside: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victims = await inside.connect()
    reset = AsyncAgent.reset_many

    async def reset_others(self: AsyncAgent, connections: Iterable[Connection], *, direction: str) -> list[int]:
        return await reset(
            self, [(local, ("127.0.0.2", remote[1])) for local, remote in connections], direction=direction
        )

    monkeypatch.setattr(AsyncAgent, "reset_many", reset_others)
    receipt, healing = await run_fault(InjectedReset(), inside.scene(victims, patience=IMPATIENCE), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 0, 3)
    assert [seen.during for seen in receipt.evidence[2:]] == ["ESTABLISHED, not reset"] * 3
    assert healing.state is HealingState.FAILED
    assert await inside.agent.rules() == []


async def test_a_client_that_left_before_is_not_covered(inside: Direct, tmp_path: Path) -> None:
    victims = await inside.connect()
    await victims.subset([2]).close()
    receipt, _ = await run_fault(InjectedReset(), inside.scene(victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 2, 3)


async def test_rules_that_stay_are_not_healed(inside: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def leave(self: AsyncAgent, rules: Iterable[int]) -> None:
        """As if they had been taken back."""

    victims = await inside.connect()
    with monkeypatch.context() as patch:
        patch.setattr(AsyncAgent, "uncut_many", leave)
        _, healing = await run_fault(InjectedReset(), inside.scene(victims, patience=IMPATIENCE), tmp_path)
    assert healing.state is HealingState.FAILED
    assert healing.evidence[0].during == "3"
    await inside.agent.flush_rules()


async def test_it_is_over_when_the_body_raises(inside: Direct, tmp_path: Path) -> None:
    victims = await inside.connect()
    assert (await run_with_broken_body(InjectedReset(), inside.scene(victims), tmp_path)).state is HealingState.HEALED


async def test_rules_that_cannot_be_read_are_taken_back(
    inside: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(self: AsyncAgent, rules: Iterable[int]) -> list[RuleCounters]:
        raise AgentError("no counters")

    victims = await inside.connect()
    monkeypatch.setattr(AsyncAgent, "rule_counters_many", fail)
    with pytest.raises(AgentError, match=r"^no counters$"):
        await run_fault(InjectedReset(), inside.scene(victims), tmp_path)
    assert await inside.agent.rules() == []
