"""Losses on the connections that a proxy holds, beside what the proxy itself does to them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.errors import FaultError
from chaos.faults import Composed, Latency, LossyLink
from chaos.faults import legs as legs_module
from chaos.faults.base import Scene
from chaos.faults.legs import legs_of
from chaos.journal import Bite, HealingState
from chaos.links.link import Link
from chaos.links.toxiproxy import Toxiproxy
from chaos.links.traits import LinkKind
from chaos.units import parse_duration
from tests.unit.faults.stage import PATIENCE, DirectLink, InProcess, connect_victims, make_scene, run_fault
from tests.unit.links.servers import running

LOSSY = LossyLink(ratio=0.05)
DELAY = 0.05


@contextlib.asynccontextmanager
async def _behind(
    kind: LinkKind, server: Address, worker: InProcess, agent: AsyncAgent
) -> AsyncIterator[tuple[Scene, Link]]:
    """Three clients behind a proxy of that kind."""
    with running(kind) as (api, _):
        async with Toxiproxy(api) as opened:
            link = await opened.create_link("clients", server)
            victims = await connect_victims(worker, link, answer_within=4 * PATIENCE)
            yield make_scene(server, link, victims=victims, agent=agent), link


@pytest.fixture
async def scene(server: Address, worker: InProcess, agent: AsyncAgent) -> AsyncIterator[Scene]:
    """Behind a proxy that tells its connections, on loopback, where everybody comes from."""
    async with _behind(LinkKind.EMBEDDED, server, worker, agent) as (made, _):
        yield made


@pytest.fixture
async def behind_toxiproxy(server: Address, worker: InProcess, agent: AsyncAgent) -> AsyncIterator[Scene]:
    """Behind one that does not tell."""
    async with _behind(LinkKind.TOXIPROXY, server, worker, agent) as (made, _):
        yield made


async def test_the_legs_are_the_proxys_connections_and_no_others(
    scene: Scene, server: Address, agent: AsyncAgent
) -> None:
    direct = InProcess()
    others = await connect_victims(direct, DirectLink(server))
    assert len([found for found in await agent.sockets(server.port) if found.side == "local"]) > others.size + 1
    told = await scene.the_link().connections()
    assert told is not None
    assert sorted(leg.peer for leg in await legs_of(scene)) == sorted(each.local for each in told if each.local)
    await direct.close()


async def test_every_leg_loses_something_and_none_breaks(scene: Scene, tmp_path: Path) -> None:
    victims = scene.the_victims()

    async def talk() -> None:
        assert (await victims.exchange(3)).answered == 9
        assert {rule.treatment for rule in await scene.the_agent().rules()} == {"lose5000_"}

    receipt, healing = await run_fault(LOSSY, scene, tmp_path, talk)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    _, _, *each = receipt.evidence
    assert all(int(seen.during) >= 1 for seen in each)
    assert all(seen.connection.startswith("from the proxy's port ") for seen in each)
    assert healing.state is HealingState.HEALED
    assert [seen.during for seen in healing.evidence] == ["0", "3, 0 did not, 0 had been ended"]
    assert healing.evidence[1].side == "server kernel"
    assert (await victims.exchange()).answered == 3
    assert await scene.the_agent().rules() == []


@pytest.mark.parametrize("heal_order", [(0, 1), (1, 0)])
async def test_one_connection_is_slow_and_loses_packets(
    heal_order: tuple[int, ...], scene: Scene, tmp_path: Path
) -> None:
    both = Composed(parts=(Latency(delay=DELAY), LOSSY), heal_order=heal_order)

    async def slow_and_lossy() -> None:
        result = await scene.the_victims().exchange(3)
        assert result.answered == 9
        assert min(result.round_trips) >= DELAY

    receipt, healing = await run_fault(both, scene, tmp_path, slow_and_lossy)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 6, 6)
    own = [seen for seen in receipt.evidence if seen.what == "latency: its own round trip"]
    assert [seen.connection for seen in own] == ["client 0", "client 1", "client 2"]
    assert all(parse_duration(seen.during) >= DELAY for seen in own)
    assert healing.state is HealingState.HEALED
    assert (await scene.the_link().toxics(), await scene.the_agent().rules()) == ((), [])


async def test_a_client_that_has_left_is_not_covered(scene: Scene, tmp_path: Path) -> None:
    await scene.the_victims().subset([2]).close()
    receipt, _ = await run_fault(LOSSY, scene, tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 2, 3)


async def test_toxiproxy_on_loopback_is_refused_in_words(behind_toxiproxy: Scene, tmp_path: Path) -> None:
    with pytest.raises(FaultError) as caught:
        await run_fault(LOSSY, behind_toxiproxy, tmp_path)
    assert str(caught.value) == (
        "which of the server's connections are the proxy's cannot be told: Toxiproxy does not say so, and others come "
        "from where it is (127.0.0.1); take the embedded proxy"
    )


async def test_toxiproxy_elsewhere_is_known_by_its_address(
    behind_toxiproxy: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in containers: whoever comes from its address comes through it, but for the connection that finds it out."""
    monkeypatch.setattr(legs_module, "is_loopback", lambda host: False)
    assert len(await legs_of(behind_toxiproxy)) == behind_toxiproxy.the_victims().size
