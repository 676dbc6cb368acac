"""Faults that overlap on one link, healed in any order: what each says of itself is true, whatever the others do."""

from __future__ import annotations

import itertools
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.faults import Bandwidth, Fault, HalfOpen, Jitter, Latency, ProxyDown, Reset, Sliced, SlowClose, Truncated
from chaos.faults.base import Applied, Scene, applied
from chaos.journal import Bite, HealingState, JournalWriter
from chaos.links.link import Link
from chaos.links.traits import LinkKind
from tests.unit.faults.stage import PATIENCE, InProcess, connect_victims, make_scene

SLICED = Sliced(size=62, pause=0.005)
"""Few pieces: each pause is longer than it was meant to be, and by how much is the machine's affair."""
SLOW = [Latency(), Jitter(), Bandwidth(), SLICED]
ORDERS = [pair for pair in itertools.permutations(SLOW, 2) if pair != (SLICED, Bandwidth())]
"""Without one: slicing leaves 12 kB/s, so the 50 of Bandwidth throttle nothing then, and now and then it says so."""
CUTTING = [ProxyDown(), Truncated(), Reset(), SlowClose(delay=1.0)]


class Overlap:
    """Faults at work at once, each of which is healed when asked to be."""

    def __init__(self, scene: Scene, journal: JournalWriter) -> None:
        self._scene, self._journal = scene, journal
        self._stacks: dict[str, AsyncExitStack] = {}

    async def inject(self, fault: Fault) -> Applied:
        stack = self._stacks[fault.name] = AsyncExitStack()
        return await stack.enter_async_context(applied(fault, self._scene, self._journal))

    async def heal(self, fault: Fault) -> None:
        await self._stacks.pop(fault.name).aclose()

    async def __aenter__(self) -> Overlap:
        return self

    async def __aexit__(self, *_: object) -> None:
        for stack in self._stacks.values():
            await stack.aclose()


def _overlap(scene: Scene, directory: Path) -> Overlap:
    return Overlap(scene, JournalWriter(directory, role="test", run="run", cell="cell"))


@pytest.mark.parametrize(
    ("first", "second"),
    ORDERS,
    ids=lambda fault: fault.name,
)
async def test_the_first_is_healed_while_the_second_still_slows(
    first: Fault, second: Fault, link: Link, server: Address, tmp_path: Path
) -> None:
    """The order that is not the nesting's: what is left then is the second's alone, and no failure of the first."""
    async with _overlap(make_scene(server, link), tmp_path) as overlap:
        one, other = await overlap.inject(first), await overlap.inject(second)
        both = len(await link.toxics())
        await overlap.heal(first)
        left = await link.toxics()
        assert 0 < len(left) < both
        await overlap.heal(second)
        assert await link.toxics() == ()
    assert (one.receipt.bite, other.receipt.bite) == (Bite.BIT, Bite.BIT), (one.receipt, other.receipt)
    assert one.healing is not None
    assert other.healing is not None
    healings = one.healing, other.healing
    assert [healing.state for healing in healings] == [HealingState.HEALED, HealingState.HEALED], healings


async def test_what_another_adds_is_said(link: Link, server: Address, tmp_path: Path) -> None:
    async with _overlap(make_scene(server, link), tmp_path) as overlap:
        held = await overlap.inject(Latency())
        await overlap.inject(Jitter())
        await overlap.heal(Latency())
        assert held.healing is not None
        assert held.healing.evidence[0].during.endswith(", of which other faults may add 100ms")


async def test_a_toxic_that_stays_is_not_taken_for_anothers(
    link: Link, server: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bandwidth adds next to nothing to a ping: a latency that stays is seen beside it."""

    async def keep(self: Link, handle: object) -> None:
        """As if it had been removed."""

    async with _overlap(make_scene(server, link, patience=PATIENCE / 2), tmp_path) as overlap:
        held = await overlap.inject(Latency())
        await overlap.inject(Bandwidth())
        with monkeypatch.context() as patch:
            patch.setattr(Link, "remove", keep)
            await overlap.heal(Latency())
        assert held.healing is not None
        assert held.healing.state is HealingState.FAILED


@pytest.mark.parametrize("cut_first", [True, False], ids=["cut-healed-first", "slow-healed-first"])
@pytest.mark.parametrize("cutting", CUTTING, ids=lambda fault: fault.name)
@pytest.mark.parametrize("slow", [Latency(), Sliced()], ids=lambda fault: fault.name)
async def test_connections_are_cut_on_a_link_that_is_slow(
    slow: Fault,
    cutting: Fault,
    cut_first: bool,
    link: Link,
    server: Address,
    worker: InProcess,
    agent: AsyncAgent,
    tmp_path: Path,
) -> None:
    scene = make_scene(server, link, agent=agent, patience=PATIENCE)
    await cutting.prepare(scene)
    victims = await connect_victims(worker, link)
    scene = make_scene(server, link, agent=agent, victims=victims)
    async with _overlap(scene, tmp_path) as overlap:
        one, other = await overlap.inject(slow), await overlap.inject(cutting)
        for fault in (cutting, slow) if cut_first else (slow, cutting):
            await overlap.heal(fault)
    assert (one.receipt.bite, other.receipt.bite) == (Bite.BIT, Bite.BIT)
    assert (other.receipt.covered, other.receipt.total) == (3, 3)
    assert one.healing is not None
    assert other.healing is not None
    assert (one.healing.state, other.healing.state) == (HealingState.HEALED, HealingState.HEALED)
    assert await link.toxics() == ()


@pytest.mark.parametrize("slow_first", [True, False], ids=["slow-healed-first", "half-open-healed-first"])
async def test_ends_that_a_proxy_has_lost_are_no_healing(
    slow_first: bool, link: Link, server: Address, worker: InProcess, agent: AsyncAgent, tmp_path: Path
) -> None:
    """Toxiproxy forgets the ends it holds back when a slicer before them is removed: the server never hears of them,
    and half-open says so. Healed in the order of nesting both proxies let go.
    """
    victims = await connect_victims(worker, link)
    scene = make_scene(server, link, agent=agent, victims=victims, patience=PATIENCE / 2)
    async with _overlap(scene, tmp_path) as overlap:
        await overlap.inject(Sliced())
        held = await overlap.inject(HalfOpen())
        for fault in (Sliced(), HalfOpen()) if slow_first else (HalfOpen(), Sliced()):
            await overlap.heal(fault)
    assert (held.receipt.bite, held.receipt.covered) == (Bite.BIT, 3)
    lost = slow_first and link.kind is LinkKind.TOXIPROXY
    assert held.healing is not None
    assert held.healing.state is (HealingState.FAILED if lost else HealingState.HEALED)
    assert held.healing.evidence[1].during == ("3" if lost else "0")
