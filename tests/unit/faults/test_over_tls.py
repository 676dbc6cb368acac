"""Hostile inputs, crashes and torn frames of a server that speaks TLS: the same as without, inside it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
from websockets.asyncio.server import ServerConnection

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.faults import CrashMidHandshake, HostileFrames, HostileHandshakes, Sliced, SlowClose, SlowLoris
from chaos.faults.crash_mid_handshake import KINDS
from chaos.faults.cut_off import established
from chaos.faults.slow_close import _ending
from chaos.hostile.answers import Reaction
from chaos.hostile.catalogue import Input, case_named, cases_of
from chaos.hostile.channel import TlsChannel
from chaos.journal import Bite, HealingState, HostileAnswer
from chaos.links.link import Link
from chaos.links.toxiproxy import Toxiproxy
from chaos.target import Tls
from tests.unit.faults.secure import known_by
from tests.unit.faults.stage import (
    IMPATIENCE,
    PATIENCE,
    DirectLink,
    InProcess,
    connect_victims,
    echo_server,
    make_scene,
    run_fault,
)
from tests.unit.faults.test_crash_mid_handshake import Server


@pytest.fixture
def secure(tmp_path: Path) -> tuple[Tls, ssl.SSLContext]:
    """How clients know a server, and the server's own side of it."""
    directory = tmp_path / "certificates"
    directory.mkdir()
    return known_by(directory)


@pytest.fixture
async def sound(secure: tuple[Tls, ssl.SSLContext]) -> AsyncIterator[Address]:
    """A sound WebSocket server over TLS."""
    async with echo_server(context=secure[1]) as (address, _):
        yield address


@contextlib.asynccontextmanager
async def talking(server: Server, context: ssl.SSLContext) -> AsyncIterator[Address]:
    """A server that talks as it is told inside TLS, and then closes."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await server(reader, writer)
        finally:
            writer.transport.abort()

    listening = await asyncio.start_server(converse, "127.0.0.1", 0, ssl=context)
    try:
        yield Address(*listening.sockets[0].getsockname())
    finally:
        listening.close()


@pytest.mark.parametrize("kind", [Input.BROKEN_FRAMES, Input.ALLOWED_FRAMES, Input.FLOODS, Input.SIZES])
async def test_frames_are_answered_as_without(
    sound: Address, secure: tuple[Tls, ssl.SSLContext], kind: Input, tmp_path: Path
) -> None:
    answers: list[HostileAnswer] = []
    scene = make_scene(sound, record=answers.append, tls=secure[0])
    receipt, healing = await run_fault(HostileFrames(kind=kind), scene, tmp_path)
    count = len(cases_of(kind))
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, count, count)
    assert healing.state is HealingState.HEALED
    assert {answer.case for answer in answers} == {case.name for case in cases_of(kind)}
    assert [answer for answer in answers if not _is_allowed(answer)] == []


async def test_broken_handshakes_are_answered_as_without(
    sound: Address, secure: tuple[Tls, ssl.SSLContext], tmp_path: Path
) -> None:
    """With a status, inside TLS: none of them is taken for a broken handshake of TLS, whose only answer is an end."""
    answers: list[HostileAnswer] = []
    receipt, _ = await run_fault(HostileHandshakes(), make_scene(sound, record=answers.append, tls=secure[0]), tmp_path)
    assert receipt.bite is Bite.BIT
    # The others are those that leave, and those that this server only ends: 7 of 14.
    assert sum(answer.status is not None for answer in answers) >= len(answers) / 2


async def test_a_crowd_is_slow_inside_tls(sound: Address, secure: tuple[Tls, ssl.SSLContext], tmp_path: Path) -> None:
    """This server waits for the rest of each request, which never comes."""
    answers: list[HostileAnswer] = []
    fault = SlowLoris(crowd=5, answer_within=IMPATIENCE)
    receipt, healing = await run_fault(fault, make_scene(sound, record=answers.append, tls=secure[0]), tmp_path)
    assert (receipt.bite, receipt.covered, healing.state) == (Bite.BIT, 5, HealingState.HEALED)
    assert [answer.reaction for answer in answers] == ["nothing"] * 5


async def test_crashes_come_at_their_moments_inside_tls(
    secure: tuple[Tls, ssl.SSLContext], agent: AsyncAgent, tmp_path: Path
) -> None:
    server = Server()
    async with talking(server, secure[1]) as address:
        scene = make_scene(address, agent=agent, tls=secure[0])
        receipt, healing = await run_fault(CrashMidHandshake(each=2), scene, tmp_path)
        async with asyncio.timeout(PATIENCE):
            while len(server.seen) < 2 * len(KINDS):  # noqa: ASYNC110  # a list tells nobody
                await asyncio.sleep(0.01)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 12, 12), receipt
    assert [item.during for item in receipt.evidence[:3]] == ["2 of 2 by RST, 2 of 2 by FIN"] * 3
    assert healing.state is HealingState.HEALED
    assert [what for what, _ in server.seen].count("half") == 4


async def test_a_link_is_sliced_beneath_tls(
    sound: Address, secure: tuple[Tls, ssl.SSLContext], toxiproxy: Toxiproxy, tmp_path: Path
) -> None:
    link = await toxiproxy.create_link("clients", sound)
    receipt, healing = await run_fault(Sliced(), make_scene(sound, link, tls=secure[0]), tmp_path)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.HEALED), receipt


@pytest.mark.parametrize(
    "fault",
    [HostileHandshakes(kind=Input.ALLOWED_HANDSHAKES), CrashMidHandshake(each=1)],
    ids=lambda fault: fault.name,
)
async def test_no_request_waits_for_the_hands_of_others(
    fault: HostileHandshakes | CrashMidHandshake,
    secure: tuple[Tls, ssl.SSLContext],
    agent: AsyncAgent,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server ends a request that does not come in time, which begins once hands are shaken: here all but the first
    shake them when what it has to say was heard."""
    begin, turns, heard = TlsChannel.begin, itertools.count(), asyncio.Event()

    class Hearing(ServerConnection):
        def data_received(self, data: bytes) -> None:
            heard.set()
            super().data_received(data)

    async def begin_in_turn(self: TlsChannel) -> None:
        if next(turns):
            await heard.wait()
        await begin(self)

    monkeypatch.setattr(TlsChannel, "begin", begin_in_turn)
    async with echo_server(Hearing, context=secure[1]) as (address, _):
        scene = make_scene(address, agent=agent, record=lambda _: None, tls=secure[0])
        receipt, healing = await run_fault(fault, scene, tmp_path)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.HEALED), receipt


@pytest.mark.parametrize("server", ["reads on", "hangs"])
async def test_slow_close_ends_a_request_of_its_own_inside_tls(
    server: str, secure: tuple[Tls, ssl.SSLContext], agent: AsyncAgent
) -> None:
    """It shakes hands and begins a request, and its FIN waits for no goodbye: a server that hangs says none."""
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    measured = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun = await reader.readuntil(b"\r\n")
        if server == "hangs":
            writer.transport.pause_reading()  # type: ignore[attr-defined]  # a transport that reads
            await measured.wait()
        else:
            begun += await reader.read()
        writer.transport.abort()
        await heard.put(begun)

    async with await asyncio.start_server(listen, "127.0.0.1", 0, ssl=secure[1]) as listening:
        address = Address(*listening.sockets[0].getsockname())
        scene = make_scene(address, cast(Link, DirectLink(address)), agent=agent, tls=secure[0])
        took, left = await _ending(scene), await established(scene)
        measured.set()
        async with asyncio.timeout(PATIENCE):
            request = await heard.get()
    assert request.startswith(b"GET / HTTP/1.1\r\n")
    assert b"\r\n\r\n" not in request
    assert math.isfinite(took)
    assert left == frozenset(), "its FIN has come"


async def test_an_end_comes_late_beneath_tls(
    sound: Address,
    secure: tuple[Tls, ssl.SSLContext],
    toxiproxy: Toxiproxy,
    worker: InProcess,
    agent: AsyncAgent,
    tmp_path: Path,
) -> None:
    link = await toxiproxy.create_link("clients", sound)
    victims = await connect_victims(worker, link, tls=secure[0])
    scene = make_scene(sound, link, victims=victims, agent=agent, tls=secure[0])
    receipt, healing = await run_fault(SlowClose(delay=1.0), scene, tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3), receipt
    assert healing.state is HealingState.HEALED, healing


def _is_allowed(answer: HostileAnswer) -> bool:
    allowed = case_named(answer.case).allowed
    return allowed.fits(Reaction(answer.reaction), code=answer.code, status=answer.status)
