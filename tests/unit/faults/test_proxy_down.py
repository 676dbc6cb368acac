"""A link that is down refuses new connections and has cut the old ones; up again, it takes them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chaos.address import Address
from chaos.errors import LinkError
from chaos.faults.proxy_down import ProxyDown
from chaos.journal import Bite, HealingState
from chaos.links.link import Link
from tests.unit.faults.stage import InProcess, connect_victims, make_scene, run_fault


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
    new, old = receipt.evidence
    assert (new.before, new.during) == ("open", "ConnectionRefusedError")
    assert (old.before, old.during) == ("3 open", "3 eof")
    assert healing.state is HealingState.HEALED
    assert (healing.evidence[0].before, healing.evidence[0].during) == ("ConnectionRefusedError", "open")
    assert receipt.since < receipt.at < healing.since <= healing.at
    assert len(ends) >= 3
    await victims.connect()
    assert (await victims.exchange()).answered == 3


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
