"""Clients that crash around their upgrade: each as far as it should be, and the server told by RST or FIN."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from chaos.agent.async_client import AsyncAgent
from chaos.errors import FaultError
from chaos.faults import CrashMidHandshake
from chaos.faults.crash_mid_handshake import KINDS
from chaos.journal import Bite, HealingState
from tests.unit.crowd.servers import unused_port
from tests.unit.faults.stage import IMPATIENCE, PATIENCE, make_scene, run_fault, run_with_broken_body
from tests.unit.faults.test_hostile import talking

OK = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


class Server:
    """Answers whole requests as it is told, and notes how each connection ended and what came before."""

    def __init__(self, answer: bytes = OK) -> None:
        self.answer = answer
        self.seen: list[tuple[str, str]] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard, end = b"", "FIN"
        try:
            while data := await reader.read(4096):
                heard += data
                if b"\r\n\r\n" in heard:
                    writer.write(self.answer)
        except ConnectionResetError:
            end = "RST"
        self.seen.append(("request" if b"\r\n\r\n" in heard else "half" if heard else "nothing", end))


class Deaf(Server):
    """Reads nothing."""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # a transport that reads
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 3 * IMPATIENCE)


async def test_each_is_as_far_as_its_moment_says(agent: AsyncAgent, tmp_path: Path) -> None:
    server = Server()
    async with talking(server) as address:
        receipt, healing = await run_fault(CrashMidHandshake(each=2), make_scene(address, agent=agent), tmp_path)
        async with asyncio.timeout(PATIENCE):
            while len(server.seen) < 2 * len(KINDS):  # noqa: ASYNC110  # a list tells nobody
                await asyncio.sleep(0.01)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 12, 12), receipt
    assert [item.during for item in receipt.evidence[:3]] == ["2 of 2 by RST, 2 of 2 by FIN"] * 3
    assert receipt.evidence[3].before == "12 ESTABLISHED"
    assert receipt.since <= receipt.at <= healing.since <= healing.at
    assert healing.state is HealingState.HEALED
    halves = [end for what, end in server.seen if what == "half"]
    assert sorted(halves) == ["FIN", "FIN", "RST", "RST"]
    # Whether a server meets what came just before an RST, or the RST alone, is its kernel's affair.
    rest = [end for what, end in server.seen if what != "half"]
    assert rest.count("FIN") + rest.count("RST") == 8
    assert rest.count("FIN") >= 2


async def test_a_server_that_reads_no_half_request_is_not_covered(agent: AsyncAgent, tmp_path: Path) -> None:
    """Nor answers a whole one: then nobody can crash after its answer."""
    async with talking(Deaf()) as address:
        scene = make_scene(address, agent=agent, patience=IMPATIENCE)
        with pytest.raises(FaultError, match=r"^the handshake before a crash failed: no answer$"):
            await run_fault(CrashMidHandshake(each=1), scene, tmp_path)
        ours = [found for found in await agent.sockets(address.port) if found.side == "remote"]
        assert [found for found in ours if found.state == "ESTABLISHED"] == []


async def test_a_flawless_handshake_that_is_refused_is_said(agent: AsyncAgent, tmp_path: Path) -> None:
    async with talking(Server(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")) as address:
        with pytest.raises(FaultError) as caught:
            await run_fault(CrashMidHandshake(each=1), make_scene(address, agent=agent), tmp_path)
    assert str(caught.value) == ("the handshake before a crash failed: a flawless handshake was answered with 503")


async def test_nobody_there_is_said(agent: AsyncAgent, tmp_path: Path) -> None:
    with unused_port() as nobody:
        scene = make_scene(nobody, agent=agent, patience=IMPATIENCE)
        with pytest.raises(FaultError, match=r"^clients that are to crash cannot connect: "):
            await run_fault(CrashMidHandshake(each=1), scene, tmp_path)


async def test_who_was_answered_before_its_end_is_not_covered(
    agent: AsyncAgent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chaos.faults.crash_mid_handshake._Client._has_heard", lambda self: True)
    async with talking(Server()) as address:
        receipt, _ = await run_fault(CrashMidHandshake(each=1), make_scene(address, agent=agent), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 4, 6)
    assert receipt.evidence[1].during == "0 of 1 by RST, 0 of 1 by FIN"


async def test_it_heals_when_the_body_raises(agent: AsyncAgent, tmp_path: Path) -> None:
    async with talking(Server()) as address:
        healing = await run_with_broken_body(CrashMidHandshake(each=1), make_scene(address, agent=agent), tmp_path)
    assert healing.state is HealingState.HEALED


@pytest.mark.parametrize("each", [0, 1.5, True])
def test_no_clients_are_refused(each: object) -> None:
    with pytest.raises(ValueError, match=r"^each is how many connections crash in each way, a whole number from 1 on"):
        CrashMidHandshake(each=each)  # type: ignore[arg-type]  # what is refused
