"""Half a close: FIN and no close frame, from a client that reads on; what the server then does is its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.agent.async_client import AsyncAgent
from chaos.crowd.handle import CrowdHandle
from chaos.faults.half_close import HalfClose
from chaos.journal import Bite, HealingState
from tests.unit.crowd.making import until
from tests.unit.crowd.servers import Peer, raw_server
from tests.unit.faults.stage import IMPATIENCE, Direct, InProcess, run_fault, run_with_broken_body


async def test_the_server_gets_fin(direct: Direct, ends: list[str], tmp_path: Path) -> None:
    victims = await direct.connect()
    receipt, healing = await run_fault(HalfClose(), direct.scene(victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    sockets, clients = receipt.evidence
    assert (sockets.side, sockets.before) == ("server kernel", "3 ESTABLISHED")
    assert "ESTABLISHED" not in sockets.during
    assert (clients.side, clients.before, clients.during) == ("client", "0", "3 of 3")
    await until(lambda: len(ends) == 3)
    assert ends == ["FIN"] * 3
    assert healing.state is HealingState.HEALED
    assert receipt.since < receipt.at <= healing.since <= healing.at


async def test_who_is_kept_is_there_until_it_heals(worker: InProcess, agent: AsyncAgent, tmp_path: Path) -> None:
    """By a server that takes no notice of a FIN: the clients could still read, and are counted."""

    async def take_no_notice(peer: Peer) -> None:
        await peer.upgrade()
        await peer.reader.read()

    async with raw_server(take_no_notice) as address:
        direct = Direct(address, worker, agent)
        victims = await direct.connect(send=None, expect=None, first_message=False)
        receipt, healing = await run_fault(HalfClose(), direct.scene(victims), tmp_path)
    assert (receipt.bite, receipt.covered) == (Bite.BIT, 3)
    assert receipt.evidence[0].during == "3 CLOSE_WAIT"
    assert healing.state is HealingState.HEALED
    assert (healing.evidence[0].before, healing.evidence[0].during) == ("3", "0")


async def test_a_fin_that_is_not_sent_does_not_bite(
    direct: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victims = await direct.connect()
    half_close = CrowdHandle.half_close

    async def of_two(self: CrowdHandle) -> list[int]:
        return await half_close(self.subset([0, 1]))

    monkeypatch.setattr(CrowdHandle, "half_close", of_two)
    receipt, _ = await run_fault(HalfClose(), direct.scene(victims, patience=IMPATIENCE), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 2, 3)
    assert "1 ESTABLISHED" in receipt.evidence[0].during


async def test_it_is_over_when_the_body_raises(direct: Direct, tmp_path: Path) -> None:
    victims = await direct.connect()
    healing = await run_with_broken_body(HalfClose(), direct.scene(victims), tmp_path)
    assert healing.state is HealingState.HEALED
    assert await victims.open_count() == 0
