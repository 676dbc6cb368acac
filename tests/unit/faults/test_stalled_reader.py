"""A client that stops reading: what is for it piles up unread until the server can send no more."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.crowd.handle import CrowdHandle
from chaos.crowd.plan import SocketState
from chaos.errors import CrowdError
from chaos.faults.stalled_reader import _STAYS, StalledReader, _Look, _Watch
from chaos.journal import Bite, Ended, HealingState
from tests.unit.crowd.making import until
from tests.unit.crowd.servers import websocket_server
from tests.unit.faults.stage import (
    IMPATIENCE,
    Direct,
    DirectLink,
    InProcess,
    connect_victims,
    make_scene,
    run_fault,
    run_with_broken_body,
)

SMALL: dict[str, Any] = {"receive_buffer": StalledReader.receive_buffer}

PACE = IMPATIENCE / 20
"""Seconds between two messages of a server that talks by itself."""


async def test_the_window_closes_on_the_server(direct: Direct, ends: list[str], tmp_path: Path) -> None:
    victims = await direct.connect(**SMALL)
    receipt, healing = await run_fault(StalledReader(), direct.scene(victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    unread, unsent = receipt.evidence
    assert (unread.side, unread.before, unsent.side) == ("client", "0", "server kernel")
    # Which closes the window (measured: 949 bytes).
    assert int(unread.during) >= 3 * 900
    assert int(unsent.during) > 0
    assert receipt.since < receipt.at < healing.since <= healing.at
    assert healing.state is HealingState.HEALED
    assert [(seen.side, seen.before, seen.during) for seen in healing.evidence] == [("client", "3", "0")]
    await until(lambda: len(ends) == 3)
    assert ends == ["ConnectionResetError"] * 3


async def test_they_send_no_faster_than_the_rate(worker: InProcess, tmp_path: Path) -> None:
    """Else it floods the server, and what others then wait for is the flood's."""
    heard = 0

    async def listen(connection: ServerConnection) -> None:
        nonlocal heard
        await connection.send("hello")
        async for _ in connection:
            heard += 1

    rate, messages = 600, 60
    async with websocket_server(listen) as address:
        victims = await connect_victims(worker, DirectLink(address), greeting="hello", **SMALL)
        fault = StalledReader(messages=messages, rate=rate)
        receipt, _ = await run_fault(fault, make_scene(address, victims=victims, patience=IMPATIENCE), tmp_path)
    assert heard == 3 * messages
    assert receipt.at - receipt.since >= 3 * messages / rate


async def test_a_window_that_stays_open_does_not_bite(direct: Direct, tmp_path: Path) -> None:
    """Nobody reads, but a server that can still send is not hindered: that is a silent client."""
    victims = await direct.connect(**SMALL)
    scene = direct.scene(victims, patience=IMPATIENCE)
    receipt, _ = await run_fault(StalledReader(messages=10), scene, tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 0, 3)
    assert [seen.during for seen in receipt.evidence] == ["540", "0"]


async def test_without_an_agent_the_clients_are_the_witnesses(direct: Direct, tmp_path: Path) -> None:
    victims = await direct.connect(**SMALL)
    receipt, _ = await run_fault(StalledReader(), make_scene(direct.server, victims=victims), tmp_path)
    assert (receipt.bite, receipt.covered) == (Bite.BIT, 3)
    assert [seen.side for seen in receipt.evidence] == ["client"]


async def test_an_endpoint_that_talks_by_itself_is_sent_nothing(worker: InProcess, tmp_path: Path) -> None:
    heard: list[str | bytes] = []

    async def talk(connection: ServerConnection) -> None:
        listening = asyncio.create_task(connection.recv())
        while not listening.done():
            await connection.send("news")
            await asyncio.sleep(PACE)
        heard.append(await listening)

    async with websocket_server(talk) as address:
        talking: dict[str, Any] = {"send": None, "expect": None, "greeting": "news"}
        victims = await connect_victims(worker, DirectLink(address), **talking, **SMALL)
        receipt, _ = await run_fault(StalledReader(), make_scene(address, victims=victims), tmp_path)
    assert (receipt.bite, receipt.covered) == (Bite.BIT, 3)
    assert heard == []


@contextlib.asynccontextmanager
async def feed(size: int, *, pace: float, updates: int, begins: asyncio.Event | None = None) -> AsyncIterator[Address]:
    """A server that greets, sends so many updates, at once or when it is told to, and then says nothing more."""

    async def talk(connection: ServerConnection) -> None:
        await connection.send("news")
        if begins is not None:
            await begins.wait()
        for _ in range(updates):
            await asyncio.sleep(pace)
            await connection.send("x" * size)
        await connection.wait_closed()

    async with websocket_server(talk) as address:
        yield address


PAUSE = IMPATIENCE / 2
"""Seconds between two updates of a feed that takes its time: longer than a delayed acknowledgement (40 ms at first)."""

TALKING: dict[str, Any] = {"send": None, "expect": None, "greeting": "news"}


async def test_a_feed_is_stalled_when_its_server_can_send_no_more(
    worker: InProcess, agent: AsyncAgent, tmp_path: Path
) -> None:
    """Which takes several updates, each within the patience, and all together more than that."""
    patience = 6 * PAUSE
    async with feed(100, pace=PAUSE, updates=100) as address:
        victims = await connect_victims(worker, DirectLink(address), **TALKING, **SMALL)
        scene = make_scene(address, victims=victims, agent=agent, patience=patience)
        receipt, _ = await run_fault(StalledReader(), scene, tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    unread, unsent = receipt.evidence[:2]
    assert int(unread.during) >= 3 * 4 * 200  # measured: the fifth finds the window closed
    assert int(unsent.during) >= 3 * 200
    assert receipt.at - receipt.since > max(patience, 5 * PAUSE)


@pytest.mark.parametrize("updates", [1, 2])
async def test_an_update_that_nobody_has_read_yet_stalls_no_server(
    updates: int, worker: InProcess, agent: AsyncAgent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it is acknowledged it is among what the server cannot get rid of as well."""
    stalled = asyncio.Event()
    async with feed(200, pace=PAUSE, updates=updates, begins=stalled) as address:
        victims = await connect_victims(worker, DirectLink(address), **TALKING, **SMALL)
        stall = victims.stall

        async def stall_and_tell() -> None:
            await stall()
            stalled.set()

        monkeypatch.setattr(victims, "stall", stall_and_tell)  # a client that still reads takes an update or two
        scene = make_scene(address, victims=victims, agent=agent, patience=6 * PAUSE)
        receipt, _ = await run_fault(StalledReader(), scene, tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 0, 3)
    assert [seen.during for seen in receipt.evidence[:2]] == [str(3 * updates * (200 + 4)), "0"]


async def test_a_feed_that_never_fills_the_buffer_is_given_up_in_time(
    worker: InProcess, agent: AsyncAgent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StalledReader, "waits", 2)
    patience = 3 * IMPATIENCE
    async with feed(1, pace=PACE, updates=10_000) as address:
        victims = await connect_victims(worker, DirectLink(address), **TALKING, **SMALL)
        scene = make_scene(address, victims=victims, agent=agent, patience=patience)
        receipt, _ = await run_fault(StalledReader(), scene, tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 0, 3)
    assert receipt.at - receipt.since >= 2 * patience


async def test_an_endpoint_that_says_nothing_does_not_bite(worker: InProcess, tmp_path: Path) -> None:
    async def listen(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with websocket_server(listen) as address:
        mute: dict[str, Any] = {"send": None, "expect": None, "first_message": False}
        victims = await connect_victims(worker, DirectLink(address), **mute, **SMALL)
        scene = make_scene(address, victims=victims, patience=IMPATIENCE)
        receipt, _ = await run_fault(StalledReader(), scene, tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 0, 3)


async def test_a_reader_that_still_reads_does_not_bite(
    direct: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answers are unread for moments, and all of them at once: that alone is no stall."""

    async def read_on(self: CrowdHandle) -> list[int]:
        return list(self.indices)

    victims = await direct.connect(**SMALL)
    monkeypatch.setattr(CrowdHandle, "stall", read_on)
    receipt, _ = await run_fault(StalledReader(), direct.scene(victims, patience=IMPATIENCE), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 0, 3)


@pytest.mark.parametrize("looks", [(0, 9), (9, 0)])
async def test_what_is_unread_at_every_other_look_is_read(
    looks: tuple[int, int], direct: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unread = itertools.cycle(looks)

    async def read_between(self: CrowdHandle) -> dict[int, SocketState]:
        state = SocketState(state="ESTABLISHED", receive_queue=next(unread), send_queue=0)
        return dict.fromkeys(self.indices, state)

    victims = await direct.connect(**SMALL)
    monkeypatch.setattr(CrowdHandle, "socket_states", read_between)
    scene = make_scene(direct.server, victims=victims, patience=IMPATIENCE)
    receipt, _ = await run_fault(StalledReader(), scene, tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 0, 3)


def look(unread: int, unsent: int = 1) -> _Look:
    """What is held for the one client."""
    return _Look(unread={0: unread}, unsent={0: unsent})


CUT = _Look(unread={}, unsent={})


@pytest.mark.parametrize(
    ("looks", "stuck"),
    [
        ([look(9), look(9), look(9), look(9)], True),
        ([look(9), look(9), look(10), look(10), look(10)], False),  # more has arrived: its time begins anew
        ([look(9), look(10), look(10), look(10), look(10)], True),
        ([look(9), look(9), look(9, 0), look(9), look(9)], False),  # the server was rid of everything in between
        ([look(0), look(0), look(0), look(0)], False),
        ([look(9), look(9), look(9), look(9), CUT], True),  # cut for it, while others were still being looked at
        ([look(9, 10), look(10, 11)], True),  # one byte at least has not arrived, for longer than a moment
        ([look(9, 10), look(10, 10), look(10, 11)], False),
        ([look(0, 10), look(0, 11)], False),  # nothing has arrived: that may be the network
    ],
)
def test_who_can_be_sent_nothing_more_for_the_whole_time_is_stuck(looks: list[_Look], stuck: bool) -> None:
    watch = _Watch(stays=2 * _STAYS, closed=True)
    for number, each in enumerate(looks):
        watch.see(each, at=number * _STAYS)
    assert (watch.stuck, watch.telling is not None) == ({0} if stuck else set(), stuck)


async def test_clients_that_stay_are_not_healed(
    direct: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stay(self: CrowdHandle) -> list[Ended]:
        return []

    victims = await direct.connect(**SMALL)
    monkeypatch.setattr(CrowdHandle, "reset", stay)
    _, healing = await run_fault(StalledReader(), direct.scene(victims), tmp_path)
    assert healing.state is HealingState.FAILED
    assert healing.evidence[0].during == "3"


async def test_it_heals_when_the_body_raises(direct: Direct, tmp_path: Path) -> None:
    victims = await direct.connect(**SMALL)
    healing = await run_with_broken_body(StalledReader(), direct.scene(victims), tmp_path)
    assert healing.state is HealingState.HEALED
    assert await victims.open_count() == 0


async def test_a_stall_that_cannot_be_proven_is_taken_back(
    direct: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(self: CrowdHandle, *texts: str) -> int:
        raise CrowdError("overdue")

    victims = await direct.connect(**SMALL)
    monkeypatch.setattr(CrowdHandle, "send", fail)
    with pytest.raises(CrowdError, match=r"^overdue$"):
        await run_fault(StalledReader(), direct.scene(victims), tmp_path)
    assert await victims.open_count() == 0


@pytest.mark.parametrize(("messages", "rate"), [(-1, 10), (10, 0)])
def test_nonsense_cannot_be_made(messages: int, rate: int) -> None:
    with pytest.raises(ValueError, match=rf"rate one a second above 0; found {messages} and {rate}$"):
        StalledReader(messages=messages, rate=rate)
