"""Half-open: the clients are gone, and the server's kernel does not know."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.crowd.handle import CrowdHandle
from chaos.errors import FaultError, LinkError
from chaos.faults import half_open, passing
from chaos.faults.evidence import poll_until
from chaos.faults.half_open import HalfOpen
from chaos.journal import Bite, Ended, HealingState
from chaos.links.link import Link
from chaos.links.toxics import SlowCloseToxic, Toxic
from tests.unit.faults.stage import IMPATIENCE, PATIENCE, InProcess, connect_victims, make_scene, run_fault


async def test_the_server_holds_what_its_clients_have_left(
    link: Link, server: Address, ends: list[str], worker: InProcess, agent: AsyncAgent, tmp_path: Path
) -> None:
    victims = await connect_victims(worker, link)

    async def look() -> None:
        assert ends == []
        assert await victims.open_count() == 0
        sockets = await agent.sockets(server.port)
        assert [found.state for found in sockets if found.side == "local" and found.state != "LISTEN"] == (
            ["ESTABLISHED"] * 3
        )

    scene = make_scene(server, link, victims=victims, agent=agent)
    receipt, healing = await run_fault(HalfOpen(), scene, tmp_path, look)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    assert [(seen.side, seen.before, seen.during) for seen in receipt.evidence] == [
        ("server kernel", "3", "3"),
        ("client", "3", "0"),
    ]
    assert healing.state is HealingState.HEALED
    assert [(seen.side, seen.before, seen.during) for seen in healing.evidence] == [
        ("proxy", "2", "0"),
        ("server kernel", "3", "0"),
    ]
    assert receipt.since < receipt.at < healing.since <= healing.at
    assert await link.toxics() == ()

    async def ended() -> int:
        return len(ends)

    assert await poll_until(ended, lambda found: found == 3, within=PATIENCE) == 3


async def test_what_the_server_sends_does_not_come_back_as_rst(
    link: Link,
    server: Address,
    ends: list[str],
    worker: InProcess,
    agent: AsyncAgent,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An answer under way when its client leaves meets a closed socket, whose kernel would say RST to it."""
    victims = await connect_victims(worker, link)
    fin = CrowdHandle.fin

    async def ask_and_leave(self: CrowdHandle) -> list[Ended]:
        await self.send("answer me")
        return await fin(self)

    monkeypatch.setattr(CrowdHandle, "fin", ask_and_leave)
    scene = make_scene(server, link, victims=victims, agent=agent)
    receipt, _ = await run_fault(HalfOpen(), scene, tmp_path, lambda: ends.append("healed from here"))
    assert receipt.bite is Bite.BIT
    assert ends[0] == "healed from here"


async def test_a_fin_that_gets_through_does_not_bite(
    link: Link,
    server: Address,
    worker: InProcess,
    agent: AsyncAgent,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(half_open, "_FOR_EVER", 0.02)  # not at once, or no look could be too early
    monkeypatch.setattr(passing, "PASSED_ON_WITHIN", PATIENCE / 2)  # nor too late, for a proxy that has to wait
    victims = await connect_victims(worker, link)
    scene = make_scene(server, link, victims=victims, agent=agent)
    receipt, _ = await run_fault(HalfOpen(), scene, tmp_path)
    assert (receipt.bite, receipt.covered) == (Bite.DID_NOT_BITE, 0)


async def test_clients_that_were_not_there_are_not_covered(
    link: Link, server: Address, worker: InProcess, agent: AsyncAgent, tmp_path: Path
) -> None:
    victims = await connect_victims(worker, link)
    await victims.subset([0, 1]).close()
    scene = make_scene(server, link, victims=victims, agent=agent)
    receipt, _ = await run_fault(HalfOpen(), scene, tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 1, 3)


async def test_a_proxy_that_only_says_so_has_not_healed(
    link: Link,
    server: Address,
    worker: InProcess,
    agent: AsyncAgent,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def keep(self: Link, handle: object) -> None:
        pass

    async def deny(self: Link) -> tuple[()]:
        return ()

    monkeypatch.setattr(Link, "remove", keep)
    monkeypatch.setattr(Link, "toxics", deny)
    victims = await connect_victims(worker, link)
    scene = make_scene(server, link, victims=victims, agent=agent, patience=IMPATIENCE)
    _, healing = await run_fault(HalfOpen(), scene, tmp_path)
    assert healing.state is HealingState.FAILED
    assert [seen.during for seen in healing.evidence] == ["0", "3"]


async def test_a_second_toxic_that_cannot_be_added_takes_the_first_away(
    link: Link,
    server: Address,
    worker: InProcess,
    agent: AsyncAgent,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add = Link.add

    async def fail(self: Link, toxic: Toxic, **options: object) -> object:
        if isinstance(toxic, SlowCloseToxic):
            raise LinkError("no room")
        return await add(self, toxic, **options)  # type: ignore[arg-type]  # handed through as they came

    monkeypatch.setattr(Link, "add", fail)
    victims = await connect_victims(worker, link)
    with pytest.raises(LinkError, match=r"^no room$"):
        await run_fault(HalfOpen(), make_scene(server, link, victims=victims, agent=agent), tmp_path)
    assert await link.toxics() == ()


async def test_without_an_agent_it_says_so(link: Link, server: Address, worker: InProcess, tmp_path: Path) -> None:
    victims = await connect_victims(worker, link)
    with pytest.raises(FaultError) as caught:
        await run_fault(HalfOpen(), make_scene(server, link, victims=victims), tmp_path)
    assert str(caught.value) == "this fault acts through the agent, and this deployment has none"
