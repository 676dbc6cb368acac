"""Packets that are lost, on every victim's connection, and sent again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from chaos.agent.async_client import AsyncAgent
from chaos.agent.types import Connection
from chaos.faults.packet_loss import PacketLoss
from chaos.journal import Bite, HealingState
from tests.unit.faults.stage import IMPATIENCE, PATIENCE, Direct, run_fault, run_with_broken_body


@pytest.mark.parametrize("ratio", [0.01, 0.05])
async def test_every_connection_loses_something_and_none_breaks(ratio: float, inside: Direct, tmp_path: Path) -> None:
    # A message that is lost six times, one in sixty million, would not be answered in this time.
    victims = await inside.connect(answer_within=4 * PATIENCE)

    async def talk() -> None:
        assert (await victims.exchange(3)).answered == 9
        assert {rule.treatment for rule in await inside.agent.rules()} == {f"lose{round(ratio * 100_000)}_"}

    receipt, healing = await run_fault(PacketLoss(ratio=ratio), inside.scene(victims), tmp_path, talk)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    packets, again, *each = receipt.evidence
    assert sum(int(part.split()[0]) for part in packets.during.split(", ")) == sum(int(seen.during) for seen in each)
    assert all(int(seen.during) >= 1 for seen in each)
    assert sorted(seen.connection.partition(",")[0] for seen in each) == ["client 0", "client 1", "client 2"]
    assert again.what == "segments sent again (RetransSegs)"
    assert receipt.since < receipt.at < healing.since <= healing.at
    assert healing.state is HealingState.HEALED
    assert [seen.during for seen in healing.evidence] == ["0", "3, 0 did not, 0 had been ended"]
    assert await victims.open_count() == 3
    assert (await victims.exchange()).answered == 3


async def test_what_is_lost_is_sent_again_and_counted(inside: Direct, tmp_path: Path) -> None:
    """Of nearly all packets: hardly an exchange gets through at once, and then all do."""
    victims = await inside.connect(answer_within=PATIENCE / 2)
    receipt, healing = await run_fault(PacketLoss(ratio=0.9), inside.scene(victims), tmp_path)
    assert receipt.bite is Bite.BIT
    assert int(receipt.evidence[1].during) >= 1
    assert healing.state is HealingState.HEALED
    assert (await victims.exchange()).answered == 3


async def test_rules_that_drop_nothing_do_not_bite(
    inside: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victims = await inside.connect()
    lose = AsyncAgent.lose_many

    async def lose_others(self: AsyncAgent, connections: Iterable[Connection], *, ratio: float) -> list[int]:
        return await lose(self, [(local, ("127.0.0.2", remote[1])) for local, remote in connections], ratio=ratio)

    monkeypatch.setattr(AsyncAgent, "lose_many", lose_others)
    receipt, healing = await run_fault(PacketLoss(), inside.scene(victims, patience=IMPATIENCE), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 0, 3)
    assert [seen.during for seen in receipt.evidence[2:]] == ["0"] * 3
    assert healing.state is HealingState.HEALED


async def test_a_client_that_has_left_is_not_covered(inside: Direct, tmp_path: Path) -> None:
    victims = await inside.connect()
    await victims.subset([2]).close()
    receipt, _ = await run_fault(PacketLoss(), inside.scene(victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 2, 3)


async def test_it_heals_when_the_body_raises(inside: Direct, tmp_path: Path) -> None:
    victims = await inside.connect()
    healing = await run_with_broken_body(PacketLoss(), inside.scene(victims), tmp_path)
    assert healing.state is HealingState.HEALED
    assert await inside.agent.rules() == []


@pytest.mark.parametrize("ratio", [0.0, -0.1, 1.5])
def test_what_is_no_share_is_refused(ratio: float) -> None:
    with pytest.raises(ValueError, match="ratio") as caught:
        PacketLoss(ratio=ratio)
    assert str(caught.value) == f"ratio is a share of the packets above 0, at most 1; found {ratio}"
