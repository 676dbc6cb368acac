"""Timeout, truncated, slow close and flapping: the link ends connections, each end is told, and each is seen."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Any, cast

import pytest

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.crowd.handle import CrowdHandle
from chaos.faults import Fault, Flapping, SlowClose, Timeout, Truncated
from chaos.faults.base import Scene
from chaos.faults.cut_off import Socket, established
from chaos.faults.evidence import poll_until
from chaos.faults.slow_close import _ending
from chaos.journal import Bite, HealingState
from chaos.links.link import Link, ToxicHandle
from chaos.links.toxics import SlowCloseToxic, Stream, Toxic
from chaos.links.toxiproxy import Toxiproxy
from chaos.units import parse_duration
from tests.unit.faults.one_sided import one_sided_link
from tests.unit.faults.stage import (
    PATIENCE,
    SOME_PATIENCE,
    DirectLink,
    InProcess,
    connect_victims,
    echo_server,
    make_scene,
    run_fault,
)

SLOW_CLOSE = SlowClose(delay=1.0)
"""By so much that a connection which nothing holds back is told from it where this process has to wait."""

CUTTING = [Timeout(), Truncated(), Truncated(stream=Stream.DOWNSTREAM), SLOW_CLOSE, Flapping()]

every_one = pytest.mark.parametrize("fault", CUTTING, ids=lambda fault: fault.label)


@every_one
async def test_every_victim_is_cut_and_the_link_serves_again(
    fault: Fault, link: Link, server: Address, ends: list[str], worker: InProcess, agent: AsyncAgent, tmp_path: Path
) -> None:
    victims = await connect_victims(worker, link)
    scene = make_scene(server, link, victims=victims, agent=agent)
    receipt, healing = await run_fault(fault, scene, tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    assert healing.state is HealingState.HEALED
    assert receipt.since <= receipt.at < healing.since <= healing.at
    assert await link.toxics() == ()
    if not isinstance(fault, Flapping):  # after which they are back
        await victims.wait_ended(within=PATIENCE)
        await victims.connect()
    assert (await victims.exchange()).answered == 3
    assert len(ends) >= 3


async def test_timeout_counts_anew_with_every_chunk(
    link: Link, server: Address, worker: InProcess, agent: AsyncAgent, tmp_path: Path
) -> None:
    """Clients that talk more often than it waits are cut by the direction that is quiet: the server's."""
    victims = await connect_victims(worker, link, keep_alive=0.05)
    scene = make_scene(server, link, victims=victims, agent=agent)
    began = asyncio.get_running_loop().time()
    receipt, _ = await run_fault(Timeout(after=0.3), scene, tmp_path)
    assert receipt.bite is Bite.BIT
    assert receipt.since - began >= 0.3


async def test_half_an_answer_is_never_delivered(
    link: Link, server: Address, worker: InProcess, agent: AsyncAgent, tmp_path: Path
) -> None:
    victims = await connect_victims(worker, link)
    talking: asyncio.Task[Any] | None = None
    send = CrowdHandle.send

    async def ask(self: CrowdHandle, text: str) -> int:
        nonlocal talking
        talking = asyncio.create_task(self.exchange())
        await asyncio.sleep(0)
        return 0

    try:
        CrowdHandle.send = ask  # type: ignore[method-assign]  # the victims ask what they await an answer to
        scene = make_scene(server, link, victims=victims, agent=agent)
        receipt, _ = await run_fault(Truncated(stream=Stream.DOWNSTREAM), scene, tmp_path)
    finally:
        CrowdHandle.send = send  # type: ignore[method-assign]
    assert talking is not None
    result = await talking
    assert (receipt.bite, result.answered, result.wrong, result.missing) == (Bite.BIT, 0, 0, 3)
    assert receipt.evidence[0].during == "3 eof"


async def test_slow_close_says_how_late_the_end_came(
    link: Link, server: Address, worker: InProcess, agent: AsyncAgent, tmp_path: Path
) -> None:
    victims = await connect_victims(worker, link)
    receipt, healing = await run_fault(SLOW_CLOSE, make_scene(server, link, victims=victims, agent=agent), tmp_path)
    early, late = receipt.evidence
    assert (early.before, early.during, late.before, late.during) == ("3", "3", "3", "0")
    took = late.what.removeprefix("established sockets of the server ").removesuffix(" after the FIN")
    assert parse_duration(took) >= SLOW_CLOSE.delay
    assert parse_duration(healing.evidence[0].during) < SLOW_CLOSE.delay / 2


@pytest.mark.parametrize("look", [2, 3, 4])
async def test_a_hitch_longer_than_the_delay_takes_nothing_from_slow_close(
    look: int,
    link: Link,
    server: Address,
    worker: InProcess,
    agent: AsyncAgent,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whichever look after the FIN it is that comes late: the first of all is from before."""
    looks = 0

    async def established_after_a_hitch(scene: Scene) -> frozenset[Socket]:
        nonlocal looks
        looks += 1
        if looks == look:
            await asyncio.sleep(1.5 * SLOW_CLOSE.delay)
        return await established(scene)

    victims = await connect_victims(worker, link)
    monkeypatch.setattr("chaos.faults.slow_close.established", established_after_a_hitch)
    receipt, healing = await run_fault(SLOW_CLOSE, make_scene(server, link, victims=victims, agent=agent), tmp_path)
    assert looks > look
    assert (receipt.bite, receipt.covered, healing.state) == (Bite.BIT, 3, HealingState.HEALED), receipt


async def test_a_fin_that_comes_before_its_time_is_no_slow_close(
    link: Link,
    server: Address,
    worker: InProcess,
    agent: AsyncAgent,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A proxy that gets no core holds a FIN back for as long, and passes it on then, whatever delay it has."""
    update = Link.update

    async def update_to_a_shorter_one(self: Link, handle: ToxicHandle, toxic: Toxic) -> ToxicHandle:
        return await update(self, handle, SlowCloseToxic(delay=0.0))

    victims = await connect_victims(worker, link)
    monkeypatch.setattr(Link, "update", update_to_a_shorter_one)
    scene = make_scene(server, link, victims=victims, agent=agent)
    receipt, _ = await run_fault(SlowClose(delay=20 * PATIENCE), scene, tmp_path)
    assert (receipt.bite, receipt.covered, receipt.evidence[0].during) == (Bite.DID_NOT_BITE, 0, "3")


async def test_slow_close_begins_a_request_of_its_own_and_finishes_none(agent: AsyncAgent) -> None:
    """A server may keep a connection that ended before its first byte, and give a place to a request that is whole."""
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read())
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as listening:
        address = Address(*listening.sockets[0].getsockname())
        scene = make_scene(address, cast(Link, DirectLink(address)), agent=agent)
        assert math.isfinite(await _ending(scene))

        async def look() -> int:
            return len(heard)

        await poll_until(look, lambda found: found > 0, within=PATIENCE)
    (request,) = heard
    assert request.startswith(b"GET / HTTP/1.1\r\nHost: ")
    assert b"\r\n\r\n" not in request


async def test_a_fin_that_is_not_held_back_is_no_slow_close(
    link: Link,
    server: Address,
    worker: InProcess,
    agent: AsyncAgent,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add = Link.add

    async def add_a_shorter_one(self: Link, toxic: Toxic, **options: Any) -> object:
        return await add(self, SlowCloseToxic(delay=0.0), **options)

    victims = await connect_victims(worker, link)
    monkeypatch.setattr(Link, "add", add_a_shorter_one)
    scene = make_scene(server, link, victims=victims, agent=agent, patience=SOME_PATIENCE)
    receipt, _ = await run_fault(SLOW_CLOSE, scene, tmp_path)
    assert (receipt.bite, receipt.covered) == (Bite.DID_NOT_BITE, 0)


async def test_slow_close_has_not_healed_where_nobody_gets_through(
    link: Link, server: Address, worker: InProcess, agent: AsyncAgent, tmp_path: Path
) -> None:
    """It is a proxy of ours that refuses: that no FIN is held back on it is nothing that anybody has seen."""
    victims = await connect_victims(worker, link)
    scene = make_scene(server, link, victims=victims, agent=agent, patience=SOME_PATIENCE)
    receipt, healing = await run_fault(SLOW_CLOSE, scene, tmp_path, link.down)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.FAILED)
    assert [(seen.what, seen.side, seen.during) for seen in healing.evidence] == [
        ("from a client's FIN to its arrival", "server kernel", "not seen: no connection got through")
    ]


async def test_flapping_says_each_time(link: Link, server: Address, worker: InProcess, tmp_path: Path) -> None:
    victims = await connect_victims(worker, link)
    receipt, _ = await run_fault(Flapping(times=2), make_scene(server, link, victims=victims), tmp_path)
    assert [(seen.before, seen.during) for seen in receipt.evidence] == [("3 cut", "3 back"), ("3 cut", "3 back")]


async def test_flapping_sees_the_server_told_each_time(
    link: Link, server: Address, worker: InProcess, agent: AsyncAgent, tmp_path: Path
) -> None:
    victims = await connect_victims(worker, link)
    scene = make_scene(server, link, victims=victims, agent=agent)
    receipt, _ = await run_fault(Flapping(times=2), scene, tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    assert [(seen.what, seen.side, seen.before, seen.during) for seen in receipt.evidence] == [
        ("clients cut, and back, time 1", "client", "3 cut", "3 back"),
        ("established sockets of the server, time 1", "server kernel", "3", "0"),
        ("clients cut, and back, time 2", "client", "3 cut", "3 back"),
        ("established sockets of the server, time 2", "server kernel", "3", "0"),
    ]


async def test_flapping_does_not_bite_where_the_server_is_told_nothing(
    server: Address, worker: InProcess, agent: AsyncAgent, tmp_path: Path
) -> None:
    async with one_sided_link(server) as link:
        victims = await connect_victims(worker, cast(Link, link))
        scene = make_scene(server, cast(Link, link), victims=victims, agent=agent, patience=SOME_PATIENCE)
        receipt, _ = await run_fault(Flapping(times=2), scene, tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 0, 3)
    assert [(seen.before, seen.during) for seen in receipt.evidence] == [
        ("3 cut", "3 back"),
        ("3", "3"),
        ("3 cut", "3 back"),
        ("6", "6"),
    ]


async def test_flapping_does_not_count_whom_the_server_has_closed(
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
        receipt, _ = await run_fault(Flapping(times=2), make_scene(address, link, victims=victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 0, 3)
    assert [(seen.before, seen.during) for seen in receipt.evidence] == [("0 cut", "3 back"), ("0 cut", "3 back")]


@every_one
async def test_what_does_not_act_does_not_bite(
    fault: Fault,
    link: Link,
    server: Address,
    worker: InProcess,
    agent: AsyncAgent,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def do_nothing(self: Link) -> None:
        """As if it were down."""

    add = Link.add
    monkeypatch.setattr(Link, "add", lambda self, toxic, **options: add(self, toxic, **options, toxicity=0.0))
    monkeypatch.setattr(Link, "down", do_nothing)
    victims = await connect_victims(worker, link)
    scene = make_scene(server, link, victims=victims, agent=agent, patience=SOME_PATIENCE)
    receipt, healing = await run_fault(fault, scene, tmp_path)
    assert (receipt.bite, receipt.covered) == (Bite.DID_NOT_BITE, 0)
    assert healing.state is HealingState.HEALED


@every_one
async def test_what_stays_is_not_healed(
    fault: Fault,
    link: Link,
    server: Address,
    worker: InProcess,
    agent: AsyncAgent,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def keep(self: Link, handle: object) -> None:
        """As if it had been removed."""

    victims = await connect_victims(worker, link)
    scene = make_scene(server, link, victims=victims, agent=agent, patience=SOME_PATIENCE)
    monkeypatch.setattr(Link, "remove", keep)
    during = link.down if isinstance(fault, Flapping) else lambda: None
    if isinstance(fault, Flapping):
        up = Link.up

        async def up_until_healed(self: Link) -> None:
            if self._enabled or len(cut) < fault.times:
                cut.append(1)
                await up(self)

        cut: list[int] = []
        monkeypatch.setattr(Link, "up", up_until_healed)
    receipt, healing = await run_fault(fault, scene, tmp_path, during)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.FAILED)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Timeout(after=0.0), "after is above 0s: with 0s the link swallows everything and never cuts"),
        (
            lambda: Truncated(size=0),
            "size is above 0 bytes: with none no frame is begun, which is an end like any other",
        ),
        (lambda: Truncated(size=-1), "bytes is from 0 to 9007199254740992 bytes; found -1"),
        (
            lambda: SlowClose(delay=0.05),
            "delay is at least 100ms, or it could not be told from none; found 50ms",
        ),
        (lambda: Flapping(times=1), "times is a whole number from 2 on (once is proxy-down); found 1"),
        (lambda: Flapping(down=-1.0), "down is from 0s to 24h; found -1.0s"),
    ],
)
def test_nonsense_cannot_be_made(make: type[Fault], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the whole message is compared
        make()
    assert str(caught.value) == message
