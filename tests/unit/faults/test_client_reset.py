"""A reset by the clients: RST and nothing before it, told from a FIN by the server's own kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.crowd.handle import CrowdHandle
from chaos.errors import FaultError
from chaos.faults.client_reset import ClientReset
from chaos.journal import Bite, HealingState
from chaos.links.direct import DirectLink
from tests.unit.faults.spawned import Inside
from tests.unit.faults.stage import IMPATIENCE, InProcess, connect_victims, make_scene, run_fault, run_with_broken_body


async def test_the_server_gets_rst(
    direct: DirectLink, server: Address, ends: list[str], worker: InProcess, agent: AsyncAgent, tmp_path: Path
) -> None:
    victims = await connect_victims(worker, direct)
    receipt, healing = await run_fault(ClientReset(), make_scene(server, victims=victims, agent=agent), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    sockets, counter = receipt.evidence
    assert (sockets.side, sockets.before, sockets.during) == ("server kernel", "3 ESTABLISHED", "3 gone")
    assert int(counter.during) >= 3
    assert ends == ["ConnectionResetError"] * 3
    assert healing.state is HealingState.HEALED
    assert receipt.since < receipt.at <= healing.since <= healing.at


async def test_a_fin_is_no_reset(inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a network of its own: the kernel's counter is of the whole network."""
    victims = await connect_victims(inside.worker, DirectLink(inside.server))
    monkeypatch.setattr(CrowdHandle, "reset", CrowdHandle.fin)
    receipt, _ = await run_fault(
        ClientReset(), make_scene(inside.server, victims=victims, agent=inside.agent), tmp_path
    )
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 0, 3)
    assert [seen.during for seen in receipt.evidence] == ["3 gone", "0"]


async def test_connections_that_stay_are_not_covered(
    direct: DirectLink,
    server: Address,
    worker: InProcess,
    agent: AsyncAgent,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    victims = await connect_victims(worker, direct)

    async def reset_one(self: CrowdHandle) -> None:
        await self._call("reset", clients=[0])

    monkeypatch.setattr(CrowdHandle, "reset", lambda self: reset(self.subset([0])))
    reset = CrowdHandle.reset
    scene = make_scene(server, victims=victims, agent=agent, patience=IMPATIENCE)
    receipt, _ = await run_fault(ClientReset(), scene, tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 1, 3)
    assert receipt.evidence[0].during == "2 ESTABLISHED, 1 gone"
