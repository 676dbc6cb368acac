"""FIN without a close frame: the server's kernel is told, its WebSocket is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.agent.async_client import AsyncAgent
from chaos.crowd.handle import CrowdHandle
from chaos.faults.fin_without_close import FinWithoutClose
from chaos.journal import Bite, Ended, HealingState
from tests.unit.crowd.making import until
from tests.unit.crowd.servers import Peer, raw_server
from tests.unit.faults.stage import IMPATIENCE, Direct, InProcess, run_fault, run_with_broken_body


async def test_the_server_gets_fin(direct: Direct, ends: list[str], tmp_path: Path) -> None:
    victims = await direct.connect()
    receipt, healing = await run_fault(FinWithoutClose(), direct.scene(victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    assert (receipt.evidence[0].side, receipt.evidence[0].before) == ("server kernel", "3 ESTABLISHED")
    assert "ESTABLISHED" not in receipt.evidence[0].during
    await until(lambda: len(ends) == 3)
    assert ends == ["FIN"] * 3
    assert healing.state is HealingState.HEALED
    assert receipt.since < receipt.at <= healing.since <= healing.at


async def test_nothing_but_the_fin_is_sent(worker: InProcess, agent: AsyncAgent, tmp_path: Path) -> None:
    """To a server that takes no notice of it, whose sockets then wait in CLOSE_WAIT."""
    heard: list[bytes] = []

    async def take_no_notice(peer: Peer) -> None:
        await peer.upgrade()
        heard.append(await peer.reader.read())

    async with raw_server(take_no_notice) as address:
        direct = Direct(address, worker, agent)
        victims = await direct.connect(send=None, expect=None, first_message=False)
        receipt, _ = await run_fault(FinWithoutClose(), direct.scene(victims), tmp_path)
    assert receipt.bite is Bite.BIT
    assert receipt.evidence[0].during == "3 CLOSE_WAIT"
    assert heard == [b""] * 3


async def test_a_fin_that_is_not_sent_does_not_bite(
    direct: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victims = await direct.connect()
    fin = CrowdHandle.fin

    async def fin_of_two(self: CrowdHandle) -> list[Ended]:
        return await fin(self.subset([0, 1]))

    monkeypatch.setattr(CrowdHandle, "fin", fin_of_two)
    receipt, _ = await run_fault(FinWithoutClose(), direct.scene(victims, patience=IMPATIENCE), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 2, 3)
    assert "1 ESTABLISHED" in receipt.evidence[0].during


async def test_a_client_that_had_left_is_not_covered(direct: Direct, tmp_path: Path) -> None:
    victims = await direct.connect()
    await victims.subset([1]).close()
    receipt, _ = await run_fault(FinWithoutClose(), direct.scene(victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 2, 3)


async def test_it_is_over_when_the_body_raises(direct: Direct, tmp_path: Path) -> None:
    victims = await direct.connect()
    healing = await run_with_broken_body(FinWithoutClose(), direct.scene(victims), tmp_path)
    assert healing.state is HealingState.HEALED
    assert await victims.open_count() == 0
