"""A client that stops reading: what is for it piles up unread until the server can send no more."""

from __future__ import annotations

from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection

from chaos.crowd.handle import CrowdHandle
from chaos.errors import CrowdError
from chaos.faults.evidence import poll_until
from chaos.faults.stalled_reader import StalledReader
from chaos.journal import Bite, Ended, HealingState
from tests.unit.crowd.making import until
from tests.unit.crowd.servers import websocket_server
from tests.unit.faults.stage import (
    IMPATIENCE,
    PATIENCE,
    Direct,
    InProcess,
    make_scene,
    run_fault,
    run_with_broken_body,
)

SMALL = {"receive_buffer": StalledReader.receive_buffer}


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
        await connection.send("news")
        heard.extend([message async for message in connection])

    async with websocket_server(talk) as address:
        direct = Direct(address, worker, agent=None)  # type: ignore[arg-type]  # this fault needs none
        victims = await direct.connect(send=None, expect=None, greeting="news", **SMALL)
        receipt, _ = await run_fault(
            StalledReader(), make_scene(address, victims=victims, patience=IMPATIENCE), tmp_path
        )
    assert (receipt.bite, receipt.covered) == (Bite.DID_NOT_BITE, 0)
    assert heard == []


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
