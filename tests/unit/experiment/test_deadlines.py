"""A conductor that hangs: every call to it ends in time, in words, and what has to be cleaned up still is."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from chaos.address import Address
from chaos.conditions import CrowdGone
from chaos.conductor.setup import ConductorSetup
from chaos.crowd import deadlines
from chaos.crowd.plan import ClientPlan, Mode, PhaseTimeouts
from chaos.experiment import Crowd, RemoteConductor
from chaos.faults import FAULTS, Latency, Vanished
from chaos.faults.base import HELPER_WITHIN, MOST_WAITS
from chaos.journal import Bite, Healing, HealingState, Receipt
from chaos.rpc import GRACE, Overdue, RpcClient, serve

PATIENCE = 2.0
SIZE = 10
PLAN = ClientPlan(
    address=Address("127.0.0.1", 1),
    timeouts=PhaseTimeouts(tcp=PATIENCE, handshake=PATIENCE, first_message=PATIENCE),
    send="{n}",
    expect="{n}",
)


class Noting:
    """The calls, each with its deadline; none is made."""

    def __init__(self) -> None:
        self.within: dict[str, float] = {}

    async def call(self, method: str, /, *args: Any, within: float) -> Any:
        self.within[method] = within
        return (1, RECEIPT) if method == "inject" else []


RECEIPT = Receipt(at=1.0, fault="latency", bite=Bite.BIT, covered=0, total=0, since=1.0)

HELPERS = HELPER_WITHIN
"""Seconds that one helper which hangs holds the conductor up."""

Call = Callable[[RemoteConductor], Awaitable[Any]]


def crowd(conductor: RemoteConductor) -> Crowd:
    return Crowd(conductor, "crowd", SIZE, PLAN)


CALLS: dict[str, tuple[str, Call, float]] = {
    "prepare": ("prepare", lambda it: it.prepare(cast(ConductorSetup, None)), 2 * (MOST_WAITS * PATIENCE + HELPERS)),
    "open_cell": (
        "open_cell",
        lambda it: it.open_cell(Path(), run="", cell="", sampling=1.0, read_along=True),
        2 * PATIENCE + HELPERS + 3 * 15.0,
    ),
    "first_exchange": ("first_exchange", lambda it: it.first_exchange(), 2 * PATIENCE),
    "close_crowds": ("close_crowds", lambda it: it.close_crowds(), HELPERS),
    "close_cell": ("close_cell", lambda it: it.close_cell(), 3 * 15.0),
    "flush": ("flush", lambda it: it.flush(), HELPERS),
    "create_crowd": ("create_crowd", lambda it: it.create_crowd("c", PLAN, SIZE, own_process=True), 60.0 + 5.0 + 5.0),
    "connect": (
        "crowd_call",
        lambda it: crowd(it).connect(mode=Mode.SEQUENTIAL, hold=False),
        deadlines.call(SIZE, waits=PATIENCE + SIZE * (3 * PATIENCE + PLAN.close_timeout)),
    ),
    "exchange": (
        "crowd_call",
        lambda it: crowd(it).exchange(30, gap=1.0),
        deadlines.call(SIZE, waits=30 * (PATIENCE + 1.0)),
    ),
    "close": ("crowd_call", lambda it: crowd(it).close(), deadlines.call(SIZE, waits=PLAN.close_timeout)),
    "act": ("crowd_call", lambda it: crowd(it).act("stall"), deadlines.call(SIZE)),
    "open_clients": ("open_clients", lambda it: crowd(it).open_count(), deadlines.call(SIZE)),
    "prepare_fault": ("prepare_fault", lambda it: it.prepare_fault(Latency()), Latency().within(PATIENCE)),
    "inject": ("inject", lambda it: it.inject(Latency(), None), 2 * Latency().within(PATIENCE)),
    "heal": ("heal", lambda it: it.heal(1, Latency()), 2 * Latency().within(PATIENCE)),
    "server_changed": ("server_changed", lambda it: it.server_changed(cast(Any, None)), HELPERS),
    "sample": ("sample", lambda it: it.sample(), HELPERS),
    "note_holders": ("note_holders", lambda it: it.note_holders("crowd"), HELPERS),
    "note_left_behind": ("note_left_behind", lambda it: it.note_left_behind(), HELPERS),
    "unsent": ("unsent", lambda it: it.unsent(), HELPERS),
    "statistics": ("statistics", lambda it: it.statistics(), PATIENCE),
    "fetch_feed": ("fetch_feed", lambda it: it.fetch_feed("/latest"), PATIENCE),
    "leave_alone": ("leave_alone", lambda it: it.leave_alone(), HELPERS),
    "calm": ("calm", lambda it: it.calm(), PATIENCE),
    "wait_until": ("wait_until", lambda it: it.wait_until(CrowdGone("crowd"), 7.0), 7.0 + max(PATIENCE, HELPERS)),
    "call_upstream": ("call_upstream", lambda it: it.call_upstream(5, 0.5), 5 * (2 * PATIENCE + 0.5)),
}
"""What is called, how, and the seconds that the conductor gives the same thing at most."""


def test_every_call_is_looked_at() -> None:
    public = {name for name, value in vars(RemoteConductor).items() if callable(value) and not name.startswith("_")}
    assert {method for method, _, _ in CALLS.values()} == public


@pytest.mark.parametrize("name", CALLS)
async def test_a_deadline_is_beyond_those_of_the_conductor(name: str) -> None:
    method, call, own = CALLS[name]
    noting = Noting()
    await call(RemoteConductor(cast(RpcClient, noting), patience=PATIENCE))
    assert own < noting.within[method] < float("inf")


async def test_cleaning_up_waits_for_the_faults_that_are_still_at_work() -> None:
    noting = Noting()
    conductor = RemoteConductor(cast(RpcClient, noting), patience=PATIENCE)
    await conductor.close_cell()
    calm = noting.within["close_cell"]
    number, _ = await conductor.inject(Latency(), None)
    await conductor.inject(Vanished(), "victims")
    await conductor.heal(number, Latency())
    await conductor.close_cell()
    assert noting.within["close_cell"] - calm == pytest.approx(2 * Vanished().within(PATIENCE))


def test_no_fault_is_more_patient_than_is_reckoned_with() -> None:
    assert 28 == max(fault.waits for fault in FAULTS) <= MOST_WAITS
    assert HELPER_WITHIN < GRACE


# -- a conductor that hangs for good --------------------------------------------------------------------------------

SHORT = 0.05
"""Seconds of a patience that a test waits for: fifty times what a call takes."""

HASTY = replace(PLAN, timeouts=PhaseTimeouts(tcp=SHORT, handshake=SHORT, first_message=SHORT))


class Hanging:
    """A conductor that gets stuck in one of its methods, and remembers whether anybody cleaned up."""

    def __init__(self, *stuck: str) -> None:
        self.stuck = stuck
        self.cleaned = asyncio.Event()

    def connection_lost(self) -> None:
        self.cleaned.set()

    async def inject(self, fault: object, victims: str | None) -> tuple[int, Receipt]:
        await self._maybe("inject")
        return 3, RECEIPT

    async def heal(self, number: int) -> Healing:
        await self._maybe("heal")
        return Healing(at=2.0, fault="latency", state=HealingState.HEALED, since=2.0)

    async def close_cell(self) -> None:
        await self._maybe("close_cell")

    async def crowd_call(self, name: str, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        await self._maybe(method)
        return []

    async def _maybe(self, method: str) -> None:
        if method in self.stuck:
            await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def hanging(tmp_path: Path, service: Hanging) -> AsyncIterator[RemoteConductor]:
    """It listens, and its caller's connection ends with the block, as a scenario's does."""
    async with await serve(service, tmp_path / "s") as server:
        try:
            async with await RpcClient.connect(tmp_path / "s", name="the conductor") as rpc:
                yield RemoteConductor(rpc, patience=SHORT)
        finally:
            async with asyncio.timeout(10.0):
                await service.cleaned.wait()
            server.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines as they are, but for a grace and helpers of a tenth of a second."""
    monkeypatch.setattr("chaos.experiment.conductor.GRACE", 0.1)
    monkeypatch.setattr("chaos.experiment.conductor._TIDYING", 0.1)
    monkeypatch.setattr("chaos.faults.base.HELPER_WITHIN", 0.1)
    monkeypatch.setattr("chaos.crowd.deadlines._SLACK", 0.1)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("stuck", "told"),
    [
        # three waits of 50 ms and a tenth for a helper, twice, and the grace
        ("inject", "inject(Vanished, 'dying') within 600ms"),
        ("heal", "heal(3) within 600ms"),
        # the phases of an attempt, the name's look-up, the slack, a client, the grace
        ("connect", "crowd_call('dying', 'connect') within 410ms"),
    ],
)
async def test_what_hangs_ends_in_words_and_is_cleaned_up_behind(tmp_path: Path, stuck: str, told: str) -> None:
    service = Hanging(stuck)

    async def scenario() -> None:
        async with asyncio.timeout(20.0), hanging(tmp_path, service) as conductor:
            await Crowd(conductor, "dying", 1, HASTY).connect()
            number, _ = await conductor.inject(Vanished(), "dying")
            await conductor.heal(number, Vanished())

    with pytest.raises(Overdue) as caught:
        await scenario()
    assert str(caught.value).startswith(f"the conductor did not answer {told}; it hangs, or this machine is overloaded")
    assert service.cleaned.is_set()


@pytest.mark.usefixtures("impatient")
async def test_a_conductor_that_hangs_in_cleaning_up_is_given_up_too(tmp_path: Path) -> None:
    service = Hanging("close_cell", "inject")
    async with asyncio.timeout(20.0), hanging(tmp_path, service) as conductor:
        with pytest.raises(Overdue, match=r"^the conductor did not answer inject\(Latency\) within 1.2s; "):
            await conductor.inject(Latency(), None)
        # What it takes to heal the fault, that may still be at work, is waited for.
        with pytest.raises(Overdue, match=r"^the conductor did not answer close_cell\(\) within 1.2s; "):
            await conductor.close_cell()
