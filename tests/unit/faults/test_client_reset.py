"""A reset by the clients: RST and nothing before it, told from a FIN by the server's own kernel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.crowd.handle import CrowdHandle
from chaos.faults.client_reset import ClientReset
from chaos.faults.evidence import wires_of
from chaos.faults.victims import gone_for_good
from chaos.journal import Bite, Ended, HealingState
from chaos.links.link import Link
from tests.unit.crowd.making import until
from tests.unit.faults.stage import (
    IMPATIENCE,
    Direct,
    InProcess,
    connect_victims,
    make_scene,
    run_fault,
    run_with_broken_body,
)


async def test_the_server_gets_rst(direct: Direct, ends: list[str], tmp_path: Path) -> None:
    victims = await direct.connect()
    receipt, healing = await run_fault(ClientReset(), direct.scene(victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    assert [(seen.what, seen.side, seen.before, seen.during) for seen in receipt.evidence] == [
        ("the server's sockets for the victims", "server kernel", "3 ESTABLISHED", "3 gone"),
        (
            "the server's sockets that were reset (EstabResets, less the other ends)",
            "server kernel",
            "0",
            "3",
        ),
    ]
    await until(lambda: len(ends) == 3)
    assert ends == ["ConnectionResetError"] * 3
    assert healing.state is HealingState.HEALED
    assert receipt.since < receipt.at <= healing.since <= healing.at


async def test_a_fin_is_no_reset(inside: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a network of its own: the kernel's counter is of the whole network."""
    victims = await inside.connect()
    monkeypatch.setattr(CrowdHandle, "reset", CrowdHandle.fin)
    receipt, _ = await run_fault(ClientReset(), inside.scene(victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 0, 3)
    assert [seen.during for seen in receipt.evidence] == ["3 gone", "0"]


async def test_the_clients_own_sockets_are_not_the_servers(
    inside: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever resets is counted as well, in the same network: one count a connection says nothing of the server."""
    victims = await inside.connect()
    counters = AsyncAgent.counters
    before = (await inside.agent.counters())["EstabResets"]

    async def one_a_connection(self: AsyncAgent) -> dict[str, int]:
        found = await counters(self)
        return {**found, "EstabResets": before + (found["EstabResets"] - before) // 2}

    monkeypatch.setattr(AsyncAgent, "counters", one_a_connection)
    receipt, _ = await run_fault(ClientReset(), inside.scene(victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 0, 3)
    assert [seen.during for seen in receipt.evidence] == ["3 gone", "0"]


async def test_others_that_are_reset_meanwhile_are_no_victims(
    inside: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many of the same server's as there are victims, and the victims themselves leave with FIN."""
    crowd = await inside.connect(6)
    victims, others = crowd.subset([0, 1, 2]), crowd.subset([3, 4, 5])
    reset = CrowdHandle.reset

    async def wrong_ones(self: CrowdHandle) -> list[Ended]:
        await reset(others)
        return await self.fin()

    monkeypatch.setattr(CrowdHandle, "reset", wrong_ones)
    receipt, _ = await run_fault(ClientReset(), inside.scene(victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 0, 3)
    assert [seen.during for seen in receipt.evidence] == ["3 gone", "0"]


async def test_connections_that_stay_are_not_covered(
    direct: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victims = await direct.connect()
    reset = CrowdHandle.reset

    async def reset_one(self: CrowdHandle) -> list[Ended]:
        return await reset(self.subset([0]))

    monkeypatch.setattr(CrowdHandle, "reset", reset_one)
    receipt, healing = await run_fault(ClientReset(), direct.scene(victims, patience=IMPATIENCE), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 1, 3)
    assert receipt.evidence[0].during == "2 ESTABLISHED, 1 gone"
    assert healing.state is HealingState.FAILED
    assert [(seen.side, seen.before, seen.during) for seen in healing.evidence] == [("server kernel", "3", "2")]


async def test_clients_that_have_come_back_are_not_the_victims(direct: Direct, tmp_path: Path) -> None:
    victims = await direct.connect()
    _, healing = await run_fault(ClientReset(), direct.scene(victims), tmp_path, victims.connect)
    assert await victims.open_count() == 3
    assert healing.state is HealingState.HEALED
    assert healing.evidence[0].during == "0"


async def test_another_socket_from_the_same_port_is_another_connection(direct: Direct) -> None:
    """Whose inode is another: a wire that says so stands for the victim that was there before."""
    victims = await direct.connect()
    agent, port = direct.agent, direct.server.port
    wires = await wires_of(victims, agent, port)
    before = [replace(wire, inode=wire.inode + 1) for wire in wires]
    assert (await gone_for_good("it", agent, port, wires)).state is HealingState.FAILED
    assert (await gone_for_good("it", agent, port, before)).state is HealingState.HEALED


async def test_behind_a_proxy_there_is_nothing_to_see(
    link: Link, server: Address, worker: InProcess, agent: AsyncAgent, tmp_path: Path
) -> None:
    """The server's peer is the proxy then: what its kernel shows of it says nothing of the victims."""
    victims = await connect_victims(worker, link)
    receipt, _ = await run_fault(ClientReset(), make_scene(server, victims=victims, agent=agent), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 0, 3)


async def test_it_is_over_when_the_body_raises(direct: Direct, tmp_path: Path) -> None:
    victims = await direct.connect()
    healing = await run_with_broken_body(ClientReset(), direct.scene(victims), tmp_path)
    assert healing.state is HealingState.HEALED
    assert await victims.open_count() == 0
