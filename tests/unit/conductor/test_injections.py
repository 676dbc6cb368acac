"""Faults held between `inject` and `heal`: they overlap, heal in any order, and always heal."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.address import Address
from chaos.conductor.injections import Injections
from chaos.errors import FaultError
from chaos.journal import Healing, HealingState, Injected, JournalWriter, Receipt, read_journal
from tests.unit.conductor.gated import Gated
from tests.unit.crowd.making import until
from tests.unit.faults.stage import make_scene

SCENE = make_scene(Address("127.0.0.1", 1))


@pytest.fixture
def injections(tmp_path: Path) -> Iterator[Injections]:
    with JournalWriter(tmp_path, role="conductor", run="run", cell="cell") as journal:
        yield Injections(journal)


async def test_a_fault_is_held_until_it_is_healed(injections: Injections, tmp_path: Path) -> None:
    fault, gate = Gated.made("a")
    number, receipt = await injections.inject(fault, SCENE)
    assert gate.log == ["a injects"]
    healing = await injections.heal(number)
    assert gate.log == ["a injects", "a heals", "a is healed"]
    assert healing.state is HealingState.HEALED
    journal = read_journal(tmp_path)
    assert [event.fault for event in journal.of(Receipt)] == [receipt.fault]
    assert [event.state for event in journal.of(Healing)] == [healing.state]


@pytest.mark.parametrize("order", ["abc", "cba", "bca"])
async def test_overlapping_faults_heal_in_any_order(injections: Injections, order: str) -> None:
    log: list[str] = []
    numbers = {key: (await injections.inject(Gated.made(key, log)[0], SCENE))[0] for key in "abc"}
    assert len(set(numbers.values())) == 3
    for key in order:
        await injections.heal(numbers[key])
    assert [line for line in log if line.endswith("healed")] == [f"{key} is healed" for key in order]


@pytest.mark.parametrize("number", [0, 1, 2])
async def test_what_is_not_held_cannot_be_healed(injections: Injections, number: int) -> None:
    held, _ = await injections.inject(Gated.made("a")[0], SCENE)
    await injections.heal(held)
    with pytest.raises(FaultError) as caught:
        await injections.heal(number)
    assert str(caught.value) == f"no fault is held under the number {number}"


async def test_a_fault_that_cannot_be_injected_is_not_held(injections: Injections, tmp_path: Path) -> None:
    fault, gate = Gated.made("a", breaks=True)
    with pytest.raises(FaultError) as caught:
        await injections.inject(fault, SCENE)
    assert str(caught.value) == "gated could not be injected: ZeroDivisionError: a breaks"
    assert gate.log[-1] == "a is healed"
    await injections.heal_all()
    journal = read_journal(tmp_path)
    assert (len(journal.of(Injected)), journal.of(Receipt), journal.of(Healing)) == (1, [], [])


async def test_what_is_left_is_healed_the_last_first(injections: Injections) -> None:
    log: list[str] = []
    for key in "abc":
        await injections.inject(Gated.made(key, log)[0], SCENE)
    await injections.heal_all()
    assert [line for line in log if line.endswith("healed")] == ["c is healed", "b is healed", "a is healed"]


async def test_a_caller_that_leaves_while_a_fault_is_injected(injections: Injections, tmp_path: Path) -> None:
    """The fault is injected to its end, so that it can be healed."""
    fault, gate = Gated.made("a")
    gate.inject.clear()
    caller = asyncio.create_task(injections.inject(fault, SCENE))
    await until(lambda: gate.log == ["a injects"])
    caller.cancel()
    await asyncio.wait([caller])
    leaving = asyncio.create_task(injections.heal_all())
    await asyncio.sleep(0)
    assert gate.log == ["a injects"]
    gate.inject.set()
    await leaving
    assert gate.log == ["a injects", "a heals", "a is healed"]
    assert read_journal(tmp_path).of(Healing)


async def test_a_caller_that_leaves_while_a_fault_heals(injections: Injections, tmp_path: Path) -> None:
    """The healing goes on, and whoever cleans up waits for its end."""
    fault, gate = Gated.made("a")
    number, _ = await injections.inject(fault, SCENE)
    gate.heal.clear()
    caller = asyncio.create_task(injections.heal(number))
    await until(lambda: gate.log[-1] == "a heals")
    caller.cancel()
    await asyncio.wait([caller])
    leaving = asyncio.create_task(injections.heal_all())
    await asyncio.sleep(0)
    assert not leaving.done()
    gate.heal.set()
    await leaving
    assert gate.log[-1] == "a is healed"
    (healing,) = read_journal(tmp_path).of(Healing)
    assert healing.state is HealingState.HEALED


async def test_a_fault_that_went_wrong_does_not_keep_the_others(injections: Injections) -> None:
    log: list[str] = []
    await injections.inject(Gated.made("a", log)[0], SCENE)
    broken, gate = Gated.made("b", log, breaks=True)
    gate.inject.clear()
    caller = asyncio.create_task(injections.inject(broken, SCENE))
    await until(lambda: log[-1] == "b injects")
    caller.cancel()
    await asyncio.wait([caller])
    gate.inject.set()
    with pytest.raises(ExceptionGroup, match="some faults did not end well") as caught:
        await injections.heal_all()
    assert caught.group_contains(FaultError, match=r"^gated could not be injected: ZeroDivisionError: b breaks$")
    assert log[-1] == "a is healed"


async def test_a_fault_that_fails_while_everything_is_healed(injections: Injections) -> None:
    """Its caller is there still, and hears of it as well."""
    fault, gate = Gated.made("a", breaks=True)
    gate.inject.clear()
    caller = asyncio.create_task(injections.inject(fault, SCENE))
    await until(lambda: gate.log == ["a injects"])
    leaving = asyncio.create_task(injections.heal_all())
    await asyncio.sleep(0)
    gate.inject.set()
    for task in (caller, leaving):
        await asyncio.wait([task])
    assert isinstance(caller.exception(), FaultError)
    assert isinstance(leaving.exception(), ExceptionGroup)
