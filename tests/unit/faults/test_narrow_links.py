"""Jitter, bandwidth and sliced: what they do to every connection is seen on one, before it counts and after it went."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection
from websockets.protocol import State

from chaos.address import Address
from chaos.faults import Bandwidth, Fault, Jitter, Sliced, bandwidth, jitter
from chaos.faults.base import Scene
from chaos.journal import Bite, HealingState
from chaos.links.link import Link
from chaos.links.toxics import Stream
from chaos.links.toxiproxy import Toxiproxy
from chaos.units import parse_duration
from tests.unit.faults.stage import PATIENCE, InProcess, connect_victims, echo_server, make_scene, run_fault

FAULTS = [Jitter(), Bandwidth(), Sliced()]

every_one = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)


async def _run(fault: Fault, link: Link, server: Address, directory: Path, attributes: list[dict[str, int]]) -> str:
    """Run one that bites and heals; what it says it saw, before and during, between slashes."""

    async def toxics_in_force() -> None:
        assert [handle.toxic.attributes() for handle in await link.toxics()] == attributes

    receipt, healing = await run_fault(fault, make_scene(server, link), directory, toxics_in_force)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.HEALED)
    assert receipt.since < receipt.at < healing.since <= healing.at
    assert await link.toxics() == ()
    return " / ".join(f"{seen.before} / {seen.during}" for seen in receipt.evidence)


@every_one
async def test_each_victim_on_the_link_has_its_own_evidence(
    fault: Fault, link: Link, server: Address, worker: InProcess, tmp_path: Path
) -> None:
    victims = await connect_victims(worker, link)
    receipt, healing = await run_fault(fault, make_scene(server, link, victims=victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3), receipt
    own = [seen for seen in receipt.evidence if seen.connection]
    assert [seen.connection for seen in own] == ["client 0", "client 1", "client 2"]
    assert all(seen.before != seen.during for seen in own)
    assert healing.state is HealingState.HEALED
    assert await victims.open_count() == 3


async def test_jitter_makes_round_trips_differ(link: Link, server: Address, tmp_path: Path) -> None:
    seen = await _run(Jitter(), link, server, tmp_path, [{"latency": 60, "jitter": 40}])
    _, during = seen.split(" / ")
    least, most = (parse_duration(each) for each in during.split(" to "))
    assert least >= 0.02
    assert most - least >= 0.02


async def test_bandwidth_is_the_throughput_of_a_bulk_exchange(link: Link, server: Address, tmp_path: Path) -> None:
    seen = await _run(Bandwidth(), link, server, tmp_path, [{"rate": 50}, {"rate": 50}])
    before, during = (int(each.removesuffix(" kB/s")) for each in seen.split(" / "))
    assert before > 100
    assert 0 < during <= 55


async def test_bandwidth_of_one_direction_leaves_the_other(link: Link, server: Address, tmp_path: Path) -> None:
    fault = Bandwidth(streams=(Stream.UPSTREAM,))
    await _run(fault, link, server, tmp_path, [{"rate": 50}])


async def test_sliced_comes_in_many_reads(link: Link, server: Address, tmp_path: Path) -> None:
    attributes = {"average_size": 8, "size_variation": 0, "delay": 1000}
    seen = await _run(Sliced(), link, server, tmp_path, [attributes, attributes])
    before, during, whole, pieces = seen.split(" / ")
    assert parse_duration(during) - parse_duration(before) >= 0.031
    assert int(whole) == 1
    assert int(pieces) > 1


async def test_a_machine_that_stood_still_before_is_no_narrow_path(
    link: Link, server: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a moment: with that for the way things were, a throttled link would be as fast as ever."""
    measure, measured = bandwidth._bulk, itertools.count()

    async def held_up_once(connection: ClientConnection, scene: Scene) -> float:
        return await measure(connection, scene) + (0.0 if next(measured) else 1.0)

    monkeypatch.setattr(bandwidth, "_bulk", held_up_once)
    await _run(Bandwidth(), link, server, tmp_path, [{"rate": 50}, {"rate": 50}])


async def test_a_machine_that_stood_still_before_is_no_jitter(
    link: Link, server: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, looks = jitter._look, itertools.count()

    async def held_up_once(connection: ClientConnection, scene: Scene) -> list[float]:
        first, *others = await look(connection, scene)
        return [first + (0.0 if next(looks) else 1.0), *others]

    monkeypatch.setattr(jitter, "_look", held_up_once)
    await _run(Jitter(), link, server, tmp_path, [{"latency": 60, "jitter": 40}])


class Impatient(ServerConnection):
    """A server's connection that takes a frame in two pieces for a broken one."""

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.protocol.state is State.OPEN and self.protocol.reader.buffer:
            self.transport.abort()


async def test_sliced_is_seen_although_the_server_cuts_for_it(toxiproxy: Toxiproxy, tmp_path: Path) -> None:
    """Or the one server that is found by it would be no finding but a harness that failed."""
    async with echo_server(Impatient) as (address, _):
        link = await toxiproxy.create_link("impatient", address)
        receipt, healing = await run_fault(Sliced(), make_scene(address, link), tmp_path)
        await link.close()
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.HEALED)
    pings, handshake = receipt.evidence
    assert pings.during == "the server ended the connection"
    assert parse_duration(handshake.during) - parse_duration(handshake.before) >= 0.031


@pytest.mark.parametrize("fault", [Jitter(), Bandwidth(rate=5000), Sliced()], ids=lambda fault: fault.name)
async def test_a_toxic_that_does_not_act_does_not_bite(
    fault: Fault, link: Link, server: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = Link.add
    monkeypatch.setattr(Link, "add", lambda self, toxic, **options: add(self, toxic, **options, toxicity=0.0))
    receipt, healing = await run_fault(fault, make_scene(server, link, patience=PATIENCE / 2), tmp_path)
    assert (receipt.bite, healing.state) == (Bite.DID_NOT_BITE, HealingState.HEALED)


@every_one
async def test_a_toxic_that_stays_is_not_healed(
    fault: Fault, link: Link, server: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def do_nothing(self: Link, handle: object) -> None:
        """As if it had been removed."""

    monkeypatch.setattr(Link, "remove", do_nothing)
    receipt, healing = await run_fault(fault, make_scene(server, link, patience=PATIENCE / 2), tmp_path)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.FAILED)


@every_one
async def test_a_server_that_is_gone_afterwards_is_not_the_faults_failure(
    fault: Fault, toxiproxy: Toxiproxy, tmp_path: Path
) -> None:
    async with echo_server() as (address, mortal):
        link = await toxiproxy.create_link("mortal", address)

        async def die() -> None:
            mortal.close()
            await mortal.wait_closed()

        receipt, healing = await run_fault(fault, make_scene(address, link), tmp_path, die)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.HEALED)
    assert healing.evidence[0].during.startswith("not measured (")
    assert healing.evidence[0].during.endswith("; 0 of its toxics on the link")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Jitter(delay=0.05, jitter=0.05),
            "jitter is above 0s and below the delay (50ms), or the shortest delays could not be told from none; "
            "found 50ms",
        ),
        (
            lambda: Bandwidth(rate=0),
            "rate is above 0 bytes a second: with none nothing passes, and nothing can be measured",
        ),
        (lambda: Bandwidth(rate=1500), "rate is a multiple of 1000 bytes a second; found 1500"),
        (lambda: Bandwidth(streams=()), "streams are one or both directions, each once; found []"),
        (lambda: Sliced(size=63), "size is at most 62 bytes, or a ping would not be cut; found 63"),
        (lambda: Sliced(size=0), "average_size is from 1 to 1073741824 bytes; found 0"),
        (lambda: Sliced(pause=0.0), "pause is above 0s: pieces that follow at once arrive as one"),
    ],
)
def test_nonsense_cannot_be_made(make: type[Fault], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the whole message is compared
        make()
    assert str(caught.value) == message
