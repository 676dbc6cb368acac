"""A link that is down refuses new connections and has cut the old ones; up again, it takes them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import pytest

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.errors import LinkError
from chaos.faults.proxy_down import ProxyDown
from chaos.journal import Bite, HealingState
from chaos.links.link import Link
from chaos.links.toxiproxy import Toxiproxy
from tests.unit.faults.one_sided import one_sided_link
from tests.unit.faults.stage import (
    IMPATIENCE,
    PATIENCE,
    InProcess,
    connect_victims,
    echo_server,
    make_scene,
    run_fault,
)

ANSWERED = "answered with 426"


async def test_it_refuses_and_cuts(
    link: Link, server: Address, ends: list[str], worker: InProcess, tmp_path: Path
) -> None:
    victims = await connect_victims(worker, link)

    async def look() -> None:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(link.address.host, link.address.port)
        assert await victims.open_count() == 0

    receipt, healing = await run_fault(ProxyDown(), make_scene(server, link, victims=victims), tmp_path, look)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    assert [(seen.what, seen.side, seen.before, seen.during) for seen in receipt.evidence] == [
        ("a request through the link", "client", ANSWERED, "ConnectionRefusedError"),
        ("how the connections ended", "client", "3 open", "3 eof"),
        *[("how the connection ended", "client", "open", "eof")] * 3,
    ]
    assert healing.state is HealingState.HEALED
    assert (healing.evidence[0].before, healing.evidence[0].during) == ("ConnectionRefusedError", ANSWERED)
    assert receipt.since < receipt.at < healing.since <= healing.at
    assert len(ends) >= 3
    await victims.connect()
    assert (await victims.exchange()).answered == 3


async def test_the_servers_kernel_is_a_witness(
    link: Link, server: Address, worker: InProcess, agent: AsyncAgent, tmp_path: Path
) -> None:
    victims = await connect_victims(worker, link)
    receipt, _ = await run_fault(ProxyDown(), make_scene(server, link, victims=victims, agent=agent), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    assert receipt.sentence() == (
        "proxy-down: bit on 3 of 3 connections "
        f"(a request through the link (client) {ANSWERED} -> ConnectionRefusedError; "
        "how the connections ended (client) 3 open -> 3 eof; "
        "established sockets of the server (server kernel) 3 -> 0)"
    )


async def test_a_server_that_is_told_nothing_is_not_cut_off(
    server: Address, worker: InProcess, agent: AsyncAgent, tmp_path: Path
) -> None:
    async with one_sided_link(server) as link:
        victims = await connect_victims(worker, cast(Link, link))
        scene = make_scene(server, cast(Link, link), victims=victims, agent=agent, patience=IMPATIENCE)
        receipt, _ = await run_fault(ProxyDown(), scene, tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 0, 3)
    assert [seen.during for seen in receipt.evidence[:3]] == ["ConnectionRefusedError", "3 eof", "3"]


async def test_who_was_cut_before_is_none_of_its_victims(
    link: Link, server: Address, worker: InProcess, tmp_path: Path
) -> None:
    victims = await connect_victims(worker, link)
    await link.down()
    await victims.wait_ended(within=PATIENCE)
    await link.up()
    receipt, _ = await run_fault(ProxyDown(), make_scene(server, link, victims=victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 0, 3)
    assert receipt.evidence[1].during == "none did"


async def test_who_is_closed_by_the_server_is_not_cut(
    toxiproxy: Toxiproxy, worker: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    down = Link.down
    async with echo_server() as (address, server):

        async def close_first(self: Link) -> None:
            await asyncio.gather(*(connection.close(1001) for connection in server.connections))
            await down(self)

        monkeypatch.setattr(Link, "down", close_first)
        link = await toxiproxy.create_link("closing", address)
        victims = await connect_victims(worker, link)
        receipt, _ = await run_fault(ProxyDown(), make_scene(address, link, victims=victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 0, 3)
    assert receipt.evidence[1].during == "3 close"


async def test_without_victims_a_new_connection_is_the_witness(link: Link, server: Address, tmp_path: Path) -> None:
    receipt, healing = await run_fault(ProxyDown(), make_scene(server, link), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 0, 0)
    assert healing.state is HealingState.HEALED


async def test_a_link_that_stays_up_does_not_bite(
    link: Link, server: Address, worker: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def do_nothing(self: Link) -> None:
        """As if it were down."""

    monkeypatch.setattr(Link, "down", do_nothing)
    victims = await connect_victims(worker, link)
    scene = make_scene(server, link, victims=victims, patience=0.1)
    receipt, _ = await run_fault(ProxyDown(), scene, tmp_path)
    assert (receipt.bite, receipt.covered) == (Bite.DID_NOT_BITE, 0)
    assert receipt.evidence[0].during == "open"


async def test_a_link_that_stays_down_is_not_healed(
    link: Link, server: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(self: Link) -> None:
        raise LinkError("somebody took the port")

    monkeypatch.setattr(Link, "up", fail)
    receipt, healing = await run_fault(ProxyDown(), make_scene(server, link), tmp_path)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.FAILED)
    assert healing.evidence[0].during == "LinkError: somebody took the port"


async def test_a_down_that_fails_half_way_is_undone(
    link: Link, server: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    down = Link.down

    async def half_way(self: Link) -> None:
        await down(self)
        raise LinkError("not read back")

    monkeypatch.setattr(Link, "down", half_way)
    with pytest.raises(LinkError, match=r"^not read back$"):
        await run_fault(ProxyDown(), make_scene(server, link), tmp_path)
    _, writer = await asyncio.open_connection(link.address.host, link.address.port)
    writer.close()
