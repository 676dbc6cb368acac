"""A reset is a true RST, seen by the clients and by the server."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.errors import FaultError, LinkError
from chaos.faults.evidence import poll_until
from chaos.faults.reset import Reset
from chaos.journal import Bite, HealingState
from chaos.links.link import Link
from chaos.links.traits import LinkKind
from tests.unit.faults.spawned import parting_link
from tests.unit.faults.stage import PATIENCE, Direct, InProcess, connect_victims, make_scene, run_fault
from tests.unit.links.servers import free_port


async def test_both_ends_get_rst(
    link: Link, server: Address, ends: list[str], worker: InProcess, agent: AsyncAgent, tmp_path: Path
) -> None:
    fault = Reset()
    await fault.prepare(make_scene(server, link))
    victims = await connect_victims(worker, link)
    receipt, healing = await run_fault(fault, make_scene(server, link, victims=victims, agent=agent), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    assert [(seen.side, seen.before, seen.during) for seen in receipt.evidence] == [
        ("client", "3 open", "3 reset"),
        ("server kernel", "3", "0"),
        ("server kernel", "0", "3"),
        *[("client", "open", "reset")] * 3,
    ]
    assert [seen.connection for seen in receipt.evidence] == ["", "", "", "client 0", "client 1", "client 2"]
    assert receipt.sentence().count("client") == 1  # the whole, and not each
    assert ends[:3] == ["ConnectionResetError"] * 3  # and then the request that proves the healing
    assert healing.state is HealingState.HEALED
    assert [(seen.side, seen.during) for seen in healing.evidence] == [
        ("proxy", "0"),
        ("client", "answered with 426"),
    ]
    assert receipt.since < receipt.at <= healing.since <= healing.at
    assert await link.toxics() == ()


async def test_afterwards_connections_live_and_end_as_their_peers_end_them(
    link: Link, server: Address, ends: list[str], worker: InProcess, tmp_path: Path
) -> None:
    fault = Reset()
    await fault.prepare(make_scene(server, link))
    victims = await connect_victims(worker, link)
    await run_fault(fault, make_scene(server, link, victims=victims), tmp_path)
    await victims.connect()
    assert (await victims.exchange()).answered == 3
    await victims.close()

    async def ended() -> int:
        return len(ends)

    # Those that were reset, the request that proves the healing, and those that came afterwards.
    await poll_until(ended, lambda found: found == 3 + 1 + 3, within=PATIENCE)
    assert ends == ["ConnectionResetError"] * 3 + ["FIN"] * 4


async def test_without_an_agent_the_clients_are_the_witnesses(
    link: Link, server: Address, worker: InProcess, tmp_path: Path
) -> None:
    fault = Reset()
    await fault.prepare(make_scene(server, link))
    victims = await connect_victims(worker, link)
    receipt, _ = await run_fault(fault, make_scene(server, link, victims=victims), tmp_path)
    assert (receipt.bite, [seen.side for seen in receipt.evidence]) == (Bite.BIT, ["client"] * 4)


async def test_a_fin_is_not_a_reset(link: Link, server: Address, worker: InProcess, tmp_path: Path) -> None:
    """Prepared after the clients connected, Toxiproxy sends FIN; the embedded proxy still sends RST."""
    fault = Reset()
    victims = await connect_victims(worker, link)
    await fault.prepare(make_scene(server, link))
    receipt, healing = await run_fault(fault, make_scene(server, link, victims=victims), tmp_path)
    if link.kind is LinkKind.EMBEDDED:
        assert (receipt.bite, receipt.covered) == (Bite.BIT, 3)
    else:
        assert (receipt.bite, receipt.covered) == (Bite.DID_NOT_BITE, 0)
        assert receipt.evidence[0].during == "3 eof"
    assert healing.state is HealingState.HEALED


async def test_a_link_that_was_not_prepared_is_left_as_it_was(
    link: Link, server: Address, worker: InProcess, tmp_path: Path
) -> None:
    victims = await connect_victims(worker, link)
    if link.kind is LinkKind.TOXIPROXY:
        with pytest.raises(LinkError, match="was not prepared for resets"):
            await run_fault(Reset(), make_scene(server, link, victims=victims), tmp_path)
        assert (await victims.exchange()).answered == 3
    else:
        receipt, _ = await run_fault(Reset(), make_scene(server, link, victims=victims), tmp_path)
        assert receipt.bite is Bite.BIT
    assert await link.toxics() == ()


async def test_a_proxy_that_only_says_so_has_not_healed(
    link: Link, server: Address, worker: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def keep(self: Link) -> None:
        pass

    async def deny(self: Link) -> tuple[()]:
        return ()

    fault = Reset()
    await fault.prepare(make_scene(server, link))
    victims = await connect_victims(worker, link)
    monkeypatch.setattr(Link, "end_reset", keep)
    monkeypatch.setattr(Link, "toxics", deny)
    _, healing = await run_fault(fault, make_scene(server, link, victims=victims), tmp_path)
    assert healing.state is HealingState.FAILED
    assert [seen.during for seen in healing.evidence] == ["0", "no answer (ConnectionResetError)"]


async def test_where_the_server_does_not_answer_either_the_proxy_has_the_word(
    link: Link, server: Address, worker: InProcess, tmp_path: Path
) -> None:
    fault = Reset()
    await fault.prepare(make_scene(server, link))
    victims = await connect_victims(worker, link)
    nobody = make_scene(Address("127.0.0.1", free_port()), link, victims=victims)

    async def go_down() -> None:
        await link.down()

    _, healing = await run_fault(fault, nobody, tmp_path, go_down)
    assert healing.state is HealingState.HEALED
    assert healing.evidence[1].during == (
        "no answer (ConnectionRefusedError), and past the link no answer (ConnectionRefusedError); "
        "0 of its toxics on the link"
    )


async def test_a_reset_that_fails_half_way_is_undone(
    link: Link, server: Address, worker: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = Reset()
    await fault.prepare(make_scene(server, link))
    victims = await connect_victims(worker, link)

    async def fail(self: Link) -> None:
        raise LinkError("half-way")

    monkeypatch.setattr(Link, "reset_all", fail)
    with pytest.raises(LinkError, match=r"^half-way$"):
        await run_fault(fault, make_scene(server, link, victims=victims), tmp_path)
    assert await link.toxics() == ()


@pytest.mark.parametrize(("parting", "bite", "covered"), [("rst", Bite.BIT, 3), ("fin", Bite.DID_NOT_BITE, 0)])
async def test_a_reset_that_only_the_clients_got_is_none(
    parting: str, bite: Bite, covered: int, inside: Direct, tmp_path: Path
) -> None:
    """In a network of its own, where the proxy's sockets and the clients' are counted beside the server's."""
    async with parting_link(inside.agent, inside.server, parting, tmp_path) as link:
        victims = await connect_victims(inside.worker, cast(Link, link))
        receipt, _ = await run_fault(Reset(), inside.scene(victims, link=link), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (bite, covered, 3)
    assert [seen.during for seen in receipt.evidence[:3]] == ["3 reset", "0", str(covered)]


async def test_without_victims_it_says_so(link: Link, server: Address, tmp_path: Path) -> None:
    with pytest.raises(FaultError) as caught:
        await run_fault(Reset(), make_scene(server, link), tmp_path)
    assert str(caught.value) == "this fault acts on clients: inject it with a crowd"
