"""A client that stops reading: what is for it piles up unread until the server can send no more."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection

from chaos.crowd.handle import CrowdHandle
from chaos.errors import CrowdError
from chaos.faults.evidence import poll_until
from chaos.faults.stalled_reader import StalledReader
from chaos.journal import Bite, Ended, HealingState
from chaos.links.direct import DirectLink
from tests.unit.crowd.making import until
from tests.unit.crowd.servers import websocket_server
from tests.unit.faults.stage import (
    IMPATIENCE,
    PATIENCE,
    Direct,
    InProcess,
    connect_victims,
    make_scene,
    run_fault,
    run_with_broken_body,
)

SMALL = {"receive_buffer": StalledReader.receive_buffer}

PACE = IMPATIENCE / 20
"""Seconds between two messages of a server that talks by itself."""


async def test_the_window_closes_on_the_server(direct: Direct, ends: list[str], tmp_path: Path) -> None:
    victims = await direct.connect(**SMALL)

    async def cannot_send() -> None:
        async def unsent() -> list[int]:
            found = await direct.agent.sockets(direct.server.port)
            return [socket.wqueue for socket in found if socket.side == "local" and socket.state == "ESTABLISHED"]

        assert all(await poll_until(unsent, all, within=PATIENCE))

    receipt, healing = await run_fault(StalledReader(), direct.scene(victims), tmp_path, cannot_send)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    assert (receipt.evidence[0].side, receipt.evidence[0].before) == ("client", "0")
    assert int(receipt.evidence[0].during) > 3 * len("hello 0")
    assert receipt.since < receipt.at < healing.since <= healing.at
    assert healing.state is HealingState.HEALED
    assert [(seen.side, seen.before, seen.during) for seen in healing.evidence] == [("client", "3", "0")]
    await until(lambda: len(ends) == 3)
    assert ends == ["ConnectionResetError"] * 3


async def test_an_endpoint_that_talks_by_itself_is_sent_nothing(worker: InProcess, tmp_path: Path) -> None:
    heard: list[str | bytes] = []

    async def talk(connection: ServerConnection) -> None:
        listening = asyncio.create_task(connection.recv())
        while not listening.done():
            await connection.send("news")
            await asyncio.sleep(PACE)
        heard.append(await listening)

    async with websocket_server(talk) as address:
        talking = {"send": None, "expect": None, "greeting": "news"}
        victims = await connect_victims(worker, DirectLink(address), **talking, **SMALL)
        receipt, _ = await run_fault(StalledReader(), make_scene(address, victims=victims), tmp_path)
    assert (receipt.bite, receipt.covered) == (Bite.BIT, 3)
    assert heard == []


async def test_an_endpoint_that_says_nothing_does_not_bite(worker: InProcess, tmp_path: Path) -> None:
    async def listen(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with websocket_server(listen) as address:
        mute = {"send": None, "expect": None, "first_message": False}
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
    async def fail(self: CrowdHandle, text: str) -> int:
        raise CrowdError("overdue")

    victims = await direct.connect(**SMALL)
    monkeypatch.setattr(CrowdHandle, "send", fail)
    with pytest.raises(CrowdError, match=r"^overdue$"):
        await run_fault(StalledReader(), direct.scene(victims), tmp_path)
    assert await victims.open_count() == 0
