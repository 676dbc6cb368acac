"""Latency is seen on a round trip, before it counts and after it went."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chaos.address import Address
from chaos.crowd.handle import CrowdHandle
from chaos.errors import FaultError
from chaos.faults.latency import Latency
from chaos.journal import Bite, HealingState
from chaos.links.link import Link
from chaos.links.toxics import LatencyToxic
from chaos.links.toxiproxy import Toxiproxy
from chaos.units import parse_duration
from tests.unit.faults.stage import Deaf, DirectLink, InProcess, connect_victims, echo_server, make_scene, run_fault

DELAY = 0.05


async def test_it_bites_and_heals(link: Link, server: Address, tmp_path: Path) -> None:
    async def toxics_in_force() -> None:
        (handle,) = await link.toxics()
        assert handle.toxic.attributes() == {"latency": 50, "jitter": 10}

    fault = Latency(delay=DELAY, jitter=0.01)
    receipt, healing = await run_fault(fault, make_scene(server, link), tmp_path, toxics_in_force)
    (seen,) = receipt.evidence
    assert (receipt.bite, seen.what, seen.side) == (Bite.BIT, "round trip through the link", "client")
    assert parse_duration(seen.before) < DELAY / 2
    assert parse_duration(seen.during) >= DELAY - 0.01
    assert healing.state is HealingState.HEALED
    assert parse_duration(healing.evidence[0].during) < DELAY / 2
    assert receipt.since < receipt.at < healing.since <= healing.at
    assert await link.toxics() == ()


async def test_a_toxic_that_does_not_act_does_not_bite(
    link: Link, server: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = Link.add
    monkeypatch.setattr(Link, "add", lambda self, toxic, **options: add(self, toxic, **options, toxicity=0.0))
    receipt, healing = await run_fault(Latency(delay=DELAY), make_scene(server, link), tmp_path)
    assert (receipt.bite, healing.state) == (Bite.DID_NOT_BITE, HealingState.HEALED)


async def test_each_victim_on_the_link_has_its_own_evidence(
    link: Link, server: Address, worker: InProcess, tmp_path: Path
) -> None:
    victims = await connect_victims(worker, link)
    receipt, _ = await run_fault(Latency(delay=DELAY), make_scene(server, link, victims=victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    _, *own = receipt.evidence
    assert [(seen.what, seen.side, seen.connection) for seen in own] == [
        ("its own round trip", "client", f"client {number}") for number in range(3)
    ]
    assert all(parse_duration(seen.before) < DELAY / 2 < DELAY <= parse_duration(seen.during) for seen in own)


async def test_victims_beside_the_link_are_not_meant(
    link: Link, server: Address, worker: InProcess, tmp_path: Path
) -> None:
    victims = await connect_victims(worker, DirectLink(server))
    receipt, _ = await run_fault(Latency(delay=DELAY), make_scene(server, link, victims=victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 0, 0)


async def test_a_victim_that_is_not_reached_is_told(
    link: Link, server: Address, worker: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victims = await connect_victims(worker, link)
    ask = CrowdHandle.round_trips
    asked = 0

    async def the_last_is_fast(self: CrowdHandle, *args: Any, **options: Any) -> dict[int, float]:
        nonlocal asked
        asked += 1
        took = await ask(self, *args, **options)
        return took if asked == 1 else {0: took[0], 1: 0.001}  # nor is the third answered

    monkeypatch.setattr(CrowdHandle, "round_trips", the_last_is_fast)
    receipt, healing = await run_fault(Latency(delay=DELAY), make_scene(server, link, victims=victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 2, 3)
    assert [seen.during for seen in receipt.evidence[2:]] == ["1ms", "not answered in 750ms"]
    assert healing.state is HealingState.HEALED


async def test_a_victim_whom_the_server_ends_meanwhile_is_not_meant(
    link: Link, server: Address, worker: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victims = await connect_victims(worker, link)
    add = Link.add

    async def add_and_end_one(self: Link, *args: Any, **options: Any) -> Any:
        await victims.subset([1]).close()
        return await add(self, *args, **options)

    monkeypatch.setattr(Link, "add", add_and_end_one)
    receipt, _ = await run_fault(Latency(delay=DELAY), make_scene(server, link, victims=victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 2, 2)


async def test_a_path_that_is_as_slow_by_itself_does_not_bite(
    link: Link, server: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await link.add(LatencyToxic(latency=2 * DELAY))
    add = Link.add
    monkeypatch.setattr(Link, "add", lambda self, toxic, **options: add(self, toxic, **options, toxicity=0.0))
    receipt, _ = await run_fault(Latency(delay=DELAY), make_scene(server, link), tmp_path)
    assert parse_duration(receipt.evidence[0].before) >= 2 * DELAY
    assert receipt.bite is Bite.DID_NOT_BITE


async def test_a_toxic_that_stays_is_not_healed(
    link: Link, server: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def do_nothing(self: Link, handle: object) -> None:
        """As if it had been removed."""

    monkeypatch.setattr(Link, "remove", do_nothing)
    _, healing = await run_fault(Latency(delay=DELAY), make_scene(server, link, patience=4 * DELAY), tmp_path)
    assert healing.state is HealingState.FAILED
    assert parse_duration(healing.evidence[0].during) >= DELAY


async def test_a_server_that_is_gone_afterwards_is_not_the_faults_failure(toxiproxy: Toxiproxy, tmp_path: Path) -> None:
    async with echo_server() as (address, mortal):
        link = await toxiproxy.create_link("mortal", address)

        async def die() -> None:
            mortal.close()
            await mortal.wait_closed()

        receipt, healing = await run_fault(Latency(delay=DELAY), make_scene(address, link), tmp_path, die)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.HEALED)
    assert healing.evidence[0].during.startswith("not measured (")
    assert healing.evidence[0].during.endswith("; 0 of its toxics on the link")


async def test_a_server_that_does_not_answer_pings_is_given_up(toxiproxy: Toxiproxy, tmp_path: Path) -> None:
    async with echo_server(Deaf) as (address, _):
        link = await toxiproxy.create_link("deaf", address)
        with pytest.raises(FaultError) as caught:
            await run_fault(Latency(delay=DELAY), make_scene(address, link, patience=4 * DELAY), tmp_path)
        assert (
            str(caught.value) == "latency could not be injected: TimeoutError: 3 pings were not answered within 600ms"
        )
        assert await link.toxics() == ()
        await link.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delay": -0.05}, "latency is from 0s to 24h; found -0.05s"),
        ({"delay": 0.0}, "delay is above 0s: a delay of nothing cannot be seen to act"),
        ({"delay": 0.0005}, "latency is a whole multiple of 1ms; found 0.0005s"),
        (
            {"delay": 0.05, "jitter": 0.05},
            "jitter is at most half the delay (25ms), or the shortest delays could not be told from none; found 50ms",
        ),
    ],
)
def test_nonsense_cannot_be_made(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the whole message is compared
        Latency(**options)
    assert str(caught.value) == message


async def test_without_a_link_it_says_so(server: Address, tmp_path: Path) -> None:
    with pytest.raises(FaultError) as caught:
        await run_fault(Latency(), make_scene(server, None), tmp_path)
    assert str(caught.value) == "this fault acts on the link, and this deployment has none"
