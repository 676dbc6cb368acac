"""The driver: every step is in the journal before the next begins, and what was injected is healed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from chaos.address import Address
from chaos.agent.protocol import grace as agent_grace
from chaos.capability import Capability
from chaos.crowd import deadlines
from chaos.crowd.plan import ClientPlan, PhaseTimeouts
from chaos.errors import FaultError, LinkError
from chaos.faults.base import HELPER_WITHIN, Fault, Scene, applied
from chaos.journal import (
    Bite,
    Healing,
    HealingState,
    Injected,
    Journal,
    JournalWriter,
    Note,
    Receipt,
    Segment,
    read_journal,
)
from chaos.links.toxiproxy import DEADLINE, DRAIN_WITHIN
from chaos.server_view import ServerView
from chaos.target import Echo
from chaos.upstream.client import ANSWER_WITHIN

SCENE = Scene(
    server=ServerView(address=Address("127.0.0.1", 1), port=1, root_pids=()), echo=Echo(path="/"), patience=1.0
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripted(Fault):
    """A fault whose two halves are given by a test; `log` gets what was done."""

    name: ClassVar[str] = "scripted"
    family: ClassVar[str] = "network"
    needs: ClassVar[frozenset[Capability]] = frozenset()
    cannot: ClassVar[str] = "anything"

    log: list[str]
    inject: Callable[[], Receipt | Healing | None]
    heal: Callable[[], Receipt | Healing | None]

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        self.log.append("injecting")
        first = self.inject()
        try:
            if first is not None:
                yield first
        finally:
            self.log.append("taken back")
        second = self.heal()
        if second is not None:
            yield second
            self.log.append("after the last yield")


def a_receipt() -> Receipt:
    now = time.monotonic()
    return Receipt(at=now, fault="scripted", bite=Bite.BIT, covered=0, total=0, since=now)


def a_healing() -> Healing:
    now = time.monotonic()
    return Healing(at=now, fault="scripted", state=HealingState.HEALED, since=now)


def nothing() -> None:
    """Yields nothing."""


def crash() -> Healing:
    raise ZeroDivisionError("a bug in the fault")


@pytest.fixture
def journal(tmp_path: Path) -> JournalWriter:
    return JournalWriter(tmp_path, role="test", run="run", cell="cell")


def written(directory: Path) -> Journal:
    return read_journal(directory)


def kinds(directory: Path) -> list[str]:
    return [type(event).__name__ for event in written(directory).events if not isinstance(event, Segment)]


async def test_each_step_is_in_the_journal_before_the_next(journal: JournalWriter, tmp_path: Path) -> None:
    log: list[str] = []

    def inject() -> Receipt:
        assert kinds(tmp_path) == ["Injected"]
        return a_receipt()

    def heal() -> Healing:
        assert kinds(tmp_path) == ["Injected", "Receipt", "Note"]
        return a_healing()

    with journal:
        async with applied(Scripted(log=log, inject=inject, heal=heal), SCENE, journal) as held:
            assert kinds(tmp_path) == ["Injected", "Receipt"]
            assert held.receipt.bite is Bite.BIT
            assert held.healing is None
            assert log == ["injecting"]
            journal.write(Note(at=time.monotonic(), text="body"))
        assert held.healing is not None
        assert held.healing.state is HealingState.HEALED
    assert kinds(tmp_path) == ["Injected", "Receipt", "Note", "Healing"]
    assert log == ["injecting", "taken back"]
    injected = written(tmp_path).first(Injected)
    assert injected is not None
    assert injected.description.startswith("Scripted(")


async def test_it_heals_when_the_body_raises_and_the_bodys_error_is_raised(
    journal: JournalWriter, tmp_path: Path
) -> None:
    with journal, pytest.raises(AssertionError, match=r"^the body's own$"):
        async with applied(Scripted(log=[], inject=a_receipt, heal=a_healing), SCENE, journal):
            raise AssertionError("the body's own")
    assert kinds(tmp_path) == ["Injected", "Receipt", "Healing"]


async def test_it_heals_when_the_body_is_cancelled(journal: JournalWriter, tmp_path: Path) -> None:
    with journal, pytest.raises(asyncio.CancelledError):
        async with applied(Scripted(log=[], inject=a_receipt, heal=a_healing), SCENE, journal):
            raise asyncio.CancelledError
    assert kinds(tmp_path) == ["Injected", "Receipt", "Healing"]


@pytest.mark.parametrize(
    ("heal", "problem"),
    [
        (crash, "ZeroDivisionError: a bug in the fault"),
        (nothing, "it ended without a Healing"),
        (a_receipt, "it yielded Receipt instead of a Healing"),
    ],
)
async def test_what_does_not_heal_has_failed_and_masks_nothing(
    journal: JournalWriter, tmp_path: Path, heal: Callable[[], Receipt | Healing | None], problem: str
) -> None:
    with journal, pytest.raises(AssertionError, match=r"^the body's own$"):
        async with applied(Scripted(log=[], inject=a_receipt, heal=heal), SCENE, journal) as held:
            raise AssertionError("the body's own")
    assert held.healing is not None
    assert held.healing.state is HealingState.FAILED
    assert [seen.during for seen in held.healing.evidence] == [problem]
    assert kinds(tmp_path) == ["Injected", "Receipt", "Healing"]


async def test_a_chaos_error_of_injecting_is_raised_as_it_is(journal: JournalWriter, tmp_path: Path) -> None:
    def refuse() -> Receipt:
        raise LinkError("the proxy refused")

    with journal, pytest.raises(LinkError, match=r"^the proxy refused$"):
        async with applied(Scripted(log=[], inject=refuse, heal=a_healing), SCENE, journal):
            pytest.fail("nothing was injected")
    assert kinds(tmp_path) == ["Injected"]


@pytest.mark.parametrize(
    ("inject", "heal", "message"),
    [
        (crash, a_healing, "scripted could not be injected: ZeroDivisionError: a bug in the fault"),
        (nothing, nothing, "scripted has to yield a Receipt and a Healing; it yielded nothing"),
        (a_healing, a_healing, "scripted has to yield a Receipt first; it yielded Healing"),
    ],
)
async def test_what_is_not_injected_is_a_fault_error(
    journal: JournalWriter,
    tmp_path: Path,
    inject: Callable[[], Receipt | Healing | None],
    heal: Callable[[], Receipt | Healing | None],
    message: str,
) -> None:
    with journal, pytest.raises(FaultError) as caught:
        async with applied(Scripted(log=[], inject=inject, heal=heal), SCENE, journal):
            pytest.fail("nothing was injected")
    assert str(caught.value) == message
    assert kinds(tmp_path) == ["Injected"]


async def test_what_yields_the_wrong_thing_takes_back_what_it_did_at_once(journal: JournalWriter) -> None:
    log: list[str] = []
    with journal, pytest.raises(FaultError):
        async with applied(Scripted(log=log, inject=a_healing, heal=a_healing), SCENE, journal):
            pytest.fail("nothing was injected")
    assert log == ["injecting", "taken back"]


async def test_a_receipt_that_cannot_be_written_is_healed(tmp_path: Path) -> None:
    log: list[str] = []
    journal = JournalWriter(tmp_path, role="test", run="run", cell="cell")

    def inject() -> Receipt:
        journal.close()
        return a_receipt()

    with pytest.raises(Exception, match="is closed"):
        async with applied(Scripted(log=log, inject=inject, heal=a_healing), SCENE, journal):
            pytest.fail("the receipt is not in the journal")
    assert log == ["injecting", "taken back"]


# -- steps that hang ------------------------------------------------------------------------------------------------

IMPATIENCE = 0.2
"""Seconds that a step of these faults may take: a hundred times what it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hanging(Scripted):
    """A fault that waits for ever in one or several of its steps."""

    hangs: tuple[str, ...]

    def within(self, patience: float) -> float:
        return IMPATIENCE

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        try:
            await self._step("injecting")
            yield a_receipt()
        finally:
            await self._step("taking back")
        await self._step("proving")
        yield a_healing()

    async def _step(self, name: str) -> None:
        self.log.append(name)
        if name in self.hangs:
            await asyncio.Event().wait()
        self.log.append(f"done with {name}")


def hanging(*hangs: str) -> Hanging:
    return Hanging(log=[], inject=a_receipt, heal=a_healing, hangs=hangs)


REMEDY = "a fault that waits for the server more than 3 times says so in its `waits`"


@pytest.mark.parametrize(
    ("hangs", "message", "log"),
    [
        (
            ("injecting",),
            f"scripted was not injected within 200ms and was called off; {REMEDY}",
            ["injecting", "taking back", "done with taking back"],
        ),
        (
            ("injecting", "taking back"),
            "scripted was not injected within 200ms and was called off, and hung for 200ms more in taking back what "
            f"it did; {REMEDY}",
            ["injecting", "taking back"],
        ),
    ],
)
async def test_a_fault_that_hangs_in_injecting_is_called_off(
    journal: JournalWriter, tmp_path: Path, hangs: tuple[str, ...], message: str, log: list[str]
) -> None:
    fault = hanging(*hangs)
    with journal, pytest.raises(FaultError) as caught:
        async with asyncio.timeout(50 * IMPATIENCE), applied(fault, SCENE, journal):
            pytest.fail("nothing was injected")
    assert str(caught.value) == message
    assert fault.log == log
    assert kinds(tmp_path) == ["Injected"]


@pytest.mark.parametrize("hangs", ["taking back", "proving"])
async def test_a_fault_that_hangs_in_healing_has_not_healed(journal: JournalWriter, tmp_path: Path, hangs: str) -> None:
    with journal, pytest.raises(AssertionError, match=r"^the body's own$"):
        async with asyncio.timeout(50 * IMPATIENCE), applied(hanging(hangs), SCENE, journal) as held:
            raise AssertionError("the body's own")
    assert held.healing is not None
    assert held.healing.state is HealingState.FAILED
    assert [seen.during for seen in held.healing.evidence] == [
        f"FaultError: scripted was not healed within 200ms and was called off; {REMEDY}"
    ]
    assert kinds(tmp_path) == ["Injected", "Receipt", "Healing"]


async def test_a_time_out_of_the_fault_itself_is_its_own(journal: JournalWriter) -> None:
    def give_up() -> Receipt:
        raise TimeoutError("no pong")

    with journal, pytest.raises(FaultError) as caught:
        async with applied(Scripted(log=[], inject=give_up, heal=a_healing), SCENE, journal):
            pytest.fail("nothing was injected")
    assert str(caught.value) == "scripted could not be injected: TimeoutError: no pong"


def test_a_fault_outlasts_every_helper_that_hangs() -> None:
    """Else it would be called off before the helper has said what is wrong with it."""
    plan = ClientPlan(address=SCENE.server.address, timeouts=PhaseTimeouts(tcp=1, handshake=1, first_message=1))
    acting = plan.close_timeout + deadlines.call(500)
    for helper in (agent_grace({}) or 0.0, 4 * DEADLINE + DRAIN_WITHIN, ANSWER_WITHIN, acting):
        assert helper < HELPER_WITHIN
    assert Scripted.waits * 2.0 + HELPER_WITHIN == Scripted(log=[], inject=nothing, heal=nothing).within(2.0)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("the_link", "this fault acts on the link, and this deployment has none"),
        ("the_upstream_link", "this fault acts on the upstream's link, and this deployment has no upstream"),
        ("the_upstream", "this fault acts on the upstream, and this deployment has none"),
        ("the_victims", "this fault acts on clients: inject it with a crowd"),
        ("the_agent", "this fault acts through the agent, and this deployment has none"),
    ],
)
def test_a_scene_says_what_it_does_not_have(part: str, message: str) -> None:
    with pytest.raises(FaultError) as caught:
        getattr(SCENE, part)()
    assert str(caught.value) == message
