"""Faults made of faults: each part is proven and healed by itself, in any order, and one that fails is named."""

from __future__ import annotations

import itertools
import pickle
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.capability import Capability
from chaos.errors import FaultError
from chaos.expectations import FaultsBit
from chaos.expectations.record import Record
from chaos.faults import (
    Bandwidth,
    ClientKilled,
    ClientReset,
    Composed,
    ConnectionBurst,
    Fault,
    HostilePackets,
    Jitter,
    Latency,
    LatePongs,
    Reset,
    SilentClient,
    StalledReader,
    Vanished,
)
from chaos.faults.base import HELPER_WITHIN, Scene
from chaos.journal import Bite, Evidence, Healing, HealingState, Receipt, read_journal
from chaos.links.link import Link
from chaos.verdict import Verdict
from tests.unit.faults.stage import (
    DirectLink,
    InProcess,
    connect_victims,
    make_scene,
    make_victims,
    run_fault,
    run_with_broken_body,
)

ORDERS = [(), *itertools.permutations(range(2))]
"""As they nest, and each order that can be asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Noted(Fault):
    """Writes down what is done to it, and says what it is told to say."""

    name: ClassVar[str] = "noted"
    family: ClassVar[str] = "network"
    needs: ClassVar[frozenset[Capability]] = frozenset()
    cannot: ClassVar[str] = "anything"

    log: list[str]
    bite: Bite = Bite.BIT
    covered: int = 3
    state: HealingState = HealingState.HEALED
    fails: bool = False

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        if self.fails:
            raise FaultError(f"{self.name} cannot be injected")
        self.log.append(f"{self.name} on")
        now = time.monotonic()
        seen = Evidence(what="a reading", side="client", before="0", during="1")
        try:
            yield Receipt(
                at=now, fault=self.name, bite=self.bite, covered=self.covered, total=3, since=now, evidence=(seen,)
            )
        finally:
            self.log.append(f"{self.name} off")
        yield Healing(at=time.monotonic(), fault=self.name, state=self.state, since=now, evidence=(seen,))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Other(_Noted):
    """Another one."""

    name: ClassVar[str] = "other"


def test_what_it_is_follows_from_its_parts() -> None:
    made = Composed(parts=(Latency(), SilentClient(), StalledReader()))
    assert (made.name, made.label) == ("latency+silent+stalled-reader", "latency+silent+stalled-reader")
    assert made.family == "combined"
    assert made.needs == Latency.needs | SilentClient.needs | StalledReader.needs
    assert made.receive_buffer == StalledReader.receive_buffer
    assert made.cannot == (
        f"latency: {Latency.cannot}; silent: {SilentClient.cannot}; stalled-reader: {StalledReader.cannot}"
    )
    assert (made.announced, made.kills_its_worker, made.fills_its_worker) == (False, False, False)
    killed = Composed(parts=(Latency(), ClientKilled()))
    assert (killed.announced, killed.kills_its_worker) == (ClientKilled.announced, True)
    assert pickle.loads(pickle.dumps(made)) == made
    assert hash(made) == hash(pickle.loads(pickle.dumps(made)))


def test_it_has_the_time_of_all_its_parts() -> None:
    parts = (Latency(), LatePongs(), Vanished())  # of which one has time of its own
    assert Composed(parts=parts).within(2.0) == sum(part.within(2.0) for part in parts)
    assert LatePongs().within(2.0) > 2.0 * LatePongs.waits + HELPER_WITHIN


def test_it_speaks_what_all_its_parts_speak() -> None:
    assert Composed(parts=(Latency(), Vanished())).dialects is None
    assert Composed(parts=(Latency(), HostilePackets())).dialects == HostilePackets.dialects


@pytest.mark.parametrize(
    ("parts", "order", "message"),
    [
        ((Latency(),), (), "parts are two faults or more; found 1"),
        ((Latency(), Latency(delay=0.1)), (), "parts have different names; found latency, latency"),
        (
            (Latency(), Composed(parts=(Bandwidth(), Reset()))),
            (),
            "parts are no composed faults themselves; name their parts",
        ),
        ((Latency(), Reset()), (1,), "heal_order has every position from 0 to 1 once; found (1,)"),
        (
            (Latency(), Jitter()),
            (),
            "parts wait for the server at most 30 times together, or nobody would know when they hang; found 37",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(parts: tuple[Fault, ...], order: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Composed(parts=parts, heal_order=order)


@pytest.mark.parametrize(
    ("order", "healed"),
    [((), ["other off", "noted off"]), ((0, 1), ["noted off", "other off"]), ((1, 0), ["other off", "noted off"])],
)
async def test_parts_are_injected_in_order_and_heal_as_they_are_told(
    order: tuple[int, ...], healed: list[str], tmp_path: Path
) -> None:
    log: list[str] = []
    made = Composed(parts=(_Noted(log=log), _Other(log=log)), heal_order=order)
    receipt, healing = await run_fault(made, _nothing(), tmp_path)
    assert log == ["noted on", "other on", *healed]
    assert (receipt.fault, receipt.bite, receipt.covered, receipt.total) == ("noted+other", Bite.BIT, 6, 6)
    assert [(item.what, item.during) for item in receipt.evidence] == [
        ("noted", "bit on 3 of 3 connections"),
        ("other", "bit on 3 of 3 connections"),
        ("noted: a reading", "1"),
        ("other: a reading", "1"),
    ]
    first, last = (name.removesuffix(" off") for name in healed)
    assert [(item.what, item.during) for item in healing.evidence] == [
        (first, f"healed while {last} went on"),
        (f"{first}: a reading", "1"),
        (last, "healed, the last of them"),
        (f"{last}: a reading", "1"),
    ]
    assert healing.state is HealingState.HEALED


async def test_it_acts_from_when_the_last_of_them_does(tmp_path: Path) -> None:
    log: list[str] = []
    began = time.monotonic()
    receipt, healing = await run_fault(Composed(parts=(_Noted(log=log), _Other(log=log))), _nothing(), tmp_path)
    assert began < receipt.since <= receipt.at <= healing.since <= healing.at


@pytest.mark.parametrize(
    ("blunt", "bite", "words"),
    [
        ({"bite": Bite.DID_NOT_BITE, "covered": 0}, Bite.DID_NOT_BITE, "did not bite, seen on 0 of 3 connections"),
        ({"bite": Bite.UNKNOWN, "covered": 0}, Bite.UNKNOWN, "unknown, seen on 0 of 3 connections"),
        ({"covered": 2}, Bite.DID_NOT_BITE, "bit on 2 of 3 connections"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
async def test_one_that_does_not_bite_is_named_and_the_cell_inconclusive(
    blunt: dict[str, object], bite: Bite, words: str, first: bool, tmp_path: Path
) -> None:
    log: list[str] = []
    dull, sharp = _Noted(log=log, **blunt), _Other(log=log)  # type: ignore[arg-type]  # fields of it
    made = Composed(parts=(dull, sharp) if first else (sharp, dull))
    receipt, _ = await run_fault(made, _nothing(), tmp_path)
    assert receipt.bite is bite
    assert (receipt.evidence[0].what, receipt.evidence[0].during) == ("noted", words)
    finding = FaultsBit(made.name).judge(Record(read_journal(tmp_path)))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert f"noted (client) not there -> {words}" in finding.observed


async def test_one_that_stays_is_named_and_the_other_heals(tmp_path: Path) -> None:
    log: list[str] = []
    made = Composed(parts=(_Noted(log=log), _Other(log=log, state=HealingState.FAILED)))
    _, healing = await run_fault(made, _nothing(), tmp_path)
    assert healing.state is HealingState.FAILED
    assert [item.during for item in healing.evidence if item.side == "harness"] == [
        "failed while noted went on",
        "healed, the last of them",
    ]


async def test_one_that_is_gone_with_the_target_is_no_failure(tmp_path: Path) -> None:
    log: list[str] = []
    made = Composed(parts=(_Noted(log=log, state=HealingState.GONE_WITH_THE_TARGET), _Other(log=log)))
    _, healing = await run_fault(made, _nothing(), tmp_path)
    assert healing.state is HealingState.GONE_WITH_THE_TARGET


async def test_what_was_injected_is_taken_back_where_the_next_cannot_be(tmp_path: Path) -> None:
    log: list[str] = []
    with pytest.raises(FaultError, match=r"^other cannot be injected$"):
        await run_fault(Composed(parts=(_Noted(log=log), _Other(log=log, fails=True))), _nothing(), tmp_path)
    assert log == ["noted on", "noted off"]


async def test_all_heal_when_the_body_raises(tmp_path: Path) -> None:
    log: list[str] = []
    healing = await run_with_broken_body(Composed(parts=(_Noted(log=log), _Other(log=log))), _nothing(), tmp_path)
    assert healing.state is HealingState.HEALED
    assert log == ["noted on", "other on", "other off", "noted off"]


@pytest.mark.parametrize("order", ORDERS)
async def test_a_slow_link_and_clients_that_go(
    order: tuple[int, ...], link: Link, server: Address, worker: InProcess, agent: AsyncAgent, tmp_path: Path
) -> None:
    """The link is slow for others than those who go."""
    victims = await connect_victims(worker, DirectLink(server))
    scene = make_scene(server, link, agent=agent, victims=victims)
    made = Composed(parts=(Latency(), ClientReset()), heal_order=order)
    receipt, healing = await run_fault(made, scene, tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3), receipt
    assert healing.state is HealingState.HEALED, healing
    assert await link.toxics() == ()


@pytest.mark.parametrize("order", ORDERS)
async def test_a_link_that_is_slow_for_a_burst(
    order: tuple[int, ...], link: Link, server: Address, worker: InProcess, agent: AsyncAgent, tmp_path: Path
) -> None:
    victims = await make_victims(worker, link, count=10)
    scene = make_scene(server, link, agent=agent, victims=victims)

    async def look() -> None:
        assert await victims.open_count() == 10
        assert len(await link.toxics()) == 1

    made = Composed(parts=(Latency(), ConnectionBurst()), heal_order=order)
    receipt, healing = await run_fault(made, scene, tmp_path, look)
    assert receipt.bite is Bite.BIT, receipt
    assert healing.state is HealingState.HEALED, healing
    assert await victims.open_count() == 0
    assert await link.toxics() == ()


@pytest.mark.parametrize("order", ORDERS)
async def test_one_direction_is_slow_and_narrow(
    order: tuple[int, ...], link: Link, server: Address, tmp_path: Path
) -> None:
    """Two that act on one link: what is left of the other when one has healed is said, and no failure of the one."""
    made = Composed(parts=(Latency(), Bandwidth()), heal_order=order)
    receipt, healing = await run_fault(made, make_scene(server, link), tmp_path)
    assert receipt.bite is Bite.BIT, receipt
    assert healing.state is HealingState.HEALED, healing
    assert await link.toxics() == ()


async def test_a_latency_that_stays_is_named(
    link: Link, server: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def keep(self: Link, handle: object) -> None:
        """As if it had been removed."""

    made = Composed(parts=(Latency(), ConnectionBurst()), heal_order=(0, 1))
    worker = InProcess()
    try:
        victims = await make_victims(worker, link)
        with monkeypatch.context() as patch:
            patch.setattr(Link, "remove", keep)
            _, healing = await run_fault(made, make_scene(server, link, victims=victims, patience=0.6), tmp_path)
    finally:
        await worker.close()
    assert healing.state is HealingState.FAILED
    assert (healing.evidence[0].what, healing.evidence[0].during) == ("latency", "failed while burst went on")


def _nothing() -> Scene:
    return make_scene(Address("127.0.0.1", 1))
