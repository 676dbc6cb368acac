"""A line that is too narrow for all victims together: they wait for each other, none breaks, and it is wide again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from chaos.agent.async_client import AsyncAgent
from chaos.agent.types import Connection
from chaos.faults.bottleneck import Bottleneck
from chaos.journal import Bite, HealingState
from tests.unit.faults.stage import IMPATIENCE, PATIENCE, Direct, run_fault, run_with_broken_body

NARROW = Bottleneck(rate=2000)
"""Three clients' exchanges take a third of a second."""


@pytest.fixture
async def line(inside: Direct) -> AsyncIterator[Direct]:
    found = (await inside.agent.hello()).can["narrow_line"]
    if not found.available:
        pytest.skip(f"{found.reason}; {found.remedy}")
    yield inside
    await inside.agent.widen()


async def test_all_of_them_wait_and_none_breaks(line: Direct, tmp_path: Path) -> None:
    victims = await line.connect(answer_within=4 * PATIENCE)

    async def talk() -> None:
        assert (await victims.exchange(2)).answered == 6

    receipt, healing = await run_fault(NARROW, line.scene(victims), tmp_path, talk)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3), receipt
    packets, round_trip = receipt.evidence
    assert packets.before == "no line"
    assert packets.during.endswith(", 0 lost")
    assert round_trip.side == "client"
    assert healing.state is HealingState.HEALED, healing
    assert [seen.during for seen in healing.evidence][:2] == ["no line", "0"]
    assert receipt.since < receipt.at < healing.since <= healing.at
    assert (await victims.exchange()).answered == 3


async def test_a_line_of_somebody_else_does_not_bite(
    line: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victims = await line.connect()
    narrow = AsyncAgent.narrow

    async def narrow_others(self: AsyncAgent, connections: Iterable[Connection], *, rate: int, queue: int) -> None:
        others = [(local, ("127.0.0.2", remote[1])) for local, remote in connections]
        await narrow(self, others, rate=rate, queue=queue)

    monkeypatch.setattr(AsyncAgent, "narrow", narrow_others)
    receipt, healing = await run_fault(NARROW, line.scene(victims, patience=IMPATIENCE), tmp_path)
    assert (receipt.bite, receipt.covered, healing.state) == (Bite.DID_NOT_BITE, 0, HealingState.HEALED)


async def test_a_line_that_stays_is_not_healed(line: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victims = await line.connect(answer_within=4 * PATIENCE)

    async def keep(self: AsyncAgent) -> None:
        pass

    widen = AsyncAgent.widen
    monkeypatch.setattr(AsyncAgent, "widen", keep)
    receipt, healing = await run_fault(NARROW, line.scene(victims), tmp_path)
    monkeypatch.setattr(AsyncAgent, "widen", widen)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.FAILED)


async def test_it_heals_when_the_body_raises(line: Direct, tmp_path: Path) -> None:
    victims = await line.connect(answer_within=4 * PATIENCE)
    healing = await run_with_broken_body(NARROW, line.scene(victims), tmp_path)
    assert healing.state is HealingState.HEALED
    assert await line.agent.line_counters() is None


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"rate": 999}, "rate is 1000 bytes a second or more, or TCP itself gives up; found 999"),
        ({"queue": 65_535}, "queue is 65536 bytes or more, or a large segment never passes; found 65535"),
    ],
)
def test_what_no_line_is(values: dict[str, int], said: str) -> None:
    with pytest.raises(ValueError, match=rf"^{said}$"):
        Bottleneck(**values)  # type: ignore[arg-type]
