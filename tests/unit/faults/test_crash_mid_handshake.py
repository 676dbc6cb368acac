"""Clients that crash around their upgrade: each as far as it should be, and the server told by RST or FIN."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import select
import socket
import socketserver
import threading
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.errors import FaultError
from chaos.faults import CrashMidHandshake
from chaos.faults.crash_mid_handshake import KINDS, End, Moment
from chaos.hostile.channel import Channel, PlainChannel
from chaos.journal import Bite, HealingState, Receipt
from chaos.target import Tls
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


class Gate:
    """A server in threads, that answers while the clients' loop is busy, and only those that have begun to wait."""

    def __init__(self) -> None:
        self._answers: dict[int, bytes] = {}
        self._over = False
        self._changed = threading.Condition()

    def let(self, port: int, answer: bytes) -> None:
        """The client at this port waits for its answer, and is to get this one."""
        with self._changed:
            self._answers[port] = answer
            self._changed.notify_all()

    def converse(self, connection: socket.socket, where: tuple[str, int], _server: object) -> None:
        """Answer its whole request once it waits; hear it until its end, or nobody does any more."""
        heard = b""
        with contextlib.suppress(OSError):
            while data := connection.recv(4096):
                heard += data
                if b"\r\n\r\n" in heard:
                    with self._changed:
                        self._changed.wait_for(lambda: self._over or where[1] in self._answers)
                    connection.sendall(self._answers.get(where[1], b""))

    @contextlib.contextmanager
    def serving(self) -> Iterator[Address]:
        """Serve until the end, and wait for every conversation then."""
        converse: Any = self.converse  # called as the class of a handler would be
        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), converse) as server:
            serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            serving.start()
            try:
                yield Address(*server.socket.getsockname())
            finally:
                with self._changed:
                    self._over = True
                    self._changed.notify_all()
                server.shutdown()
                serving.join()


class Client(PlainChannel):
    """One that is answered where the fault has it wait; or before it can end, where it is `outrun` with an answer."""

    def __init__(self, connection: socket.socket, gate: Gate, *, outrun: bytes) -> None:
        super().__init__(connection)
        self._gate, self._outrun = gate, outrun

    async def receive(self) -> bytes:
        self._gate.let(self.connection.getsockname()[1], OK)
        return await super().receive()

    def take_in(self) -> bytes:
        """As where its process gets no core between its request and its end."""
        if self._outrun:
            self._gate.let(self.connection.getsockname()[1], self._outrun)
            select.select([self.connection], [], [], PATIENCE)
        return super().take_in()


def clients_of(moment: Moment, end: End, *, each: int) -> range:
    """The numbers of the clients that are to crash so."""
    return range(KINDS.index((moment, end)), each * len(KINDS), len(KINDS))


async def crash_outrun(
    clients: Collection[int], *, each: int, where: tuple[AsyncAgent, Path], answer: bytes = OK
) -> Receipt:
    """What the fault says where the server answers these of its clients, by their numbers, before they can crash."""
    agent, directory = where
    gate, numbers = Gate(), itertools.count()

    def channel_on(connection: socket.socket, _tls: Tls | None) -> Channel:
        return Client(connection, gate, outrun=answer if next(numbers) in clients else b"")

    with pytest.MonkeyPatch.context() as patched, gate.serving() as address:
        patched.setattr("chaos.faults.crash_mid_handshake.channel_on", channel_on)
        receipt, healing = await run_fault(CrashMidHandshake(each=each), make_scene(address, agent=agent), directory)
    assert healing.state is HealingState.HEALED
    return receipt


async def test_each_is_as_far_as_its_moment_says(agent: AsyncAgent, tmp_path: Path) -> None:
    server = Server()
    async with talking(server) as address:
        receipt, healing = await run_fault(CrashMidHandshake(each=2), make_scene(address, agent=agent), tmp_path)
        async with asyncio.timeout(PATIENCE):
            while len(server.seen) < 2 * len(KINDS):  # noqa: ASYNC110  # a list tells nobody
                await asyncio.sleep(0.01)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 12, 12), receipt
    assert [item.during for item in receipt.evidence[:3]] == ["2 of 2 by RST, 2 of 2 by FIN"] * 3
    assert receipt.evidence[3].during == "0 by RST, 0 by FIN"
    assert receipt.evidence[4].before == "12 ESTABLISHED"
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


@pytest.mark.parametrize(
    ("end", "before", "outrun"),
    [
        (End.RST, "1 of 2 by RST, 2 of 2 by FIN", "1 by RST, 0 by FIN"),
        # Out of its core for longer than the kernel holds the request back for.
        (End.FIN, "2 of 2 by RST, 1 of 2 by FIN", "0 by RST, 1 by FIN"),
    ],
)
async def test_who_was_answered_first_has_crashed_after_the_101(
    end: End, before: str, outrun: str, agent: AsyncAgent, tmp_path: Path
) -> None:
    """It races with the server, and whoever wins, it has crashed; the other of its way had no answer yet."""
    slow = clients_of(Moment.ASKED, end, each=2)[:1]
    receipt = await crash_outrun(slow, each=2, where=(agent, tmp_path))
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 12, 12), receipt
    assert [item.during for item in receipt.evidence[:4]] == [
        "2 of 2 by RST, 2 of 2 by FIN",
        before,
        "2 of 2 by RST, 2 of 2 by FIN",
        outrun,
    ]


@pytest.mark.parametrize("each", [1, 2])
async def test_it_has_not_bitten_where_nobody_crashed_before_the_101(
    each: int, agent: AsyncAgent, tmp_path: Path
) -> None:
    """However many have crashed after it: one way to crash was seen on nobody."""
    slow = clients_of(Moment.ASKED, End.RST, each=each)
    receipt = await crash_outrun(slow, each=each, where=(agent, tmp_path))
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 5 * each, 6 * each)
    assert receipt.evidence[1].during == f"0 of {each} by RST, {each} of {each} by FIN"
    assert receipt.evidence[3].during == f"{each} by RST, 0 by FIN"


async def test_who_was_refused_before_its_end_is_not_covered(agent: AsyncAgent, tmp_path: Path) -> None:
    refusal = b"HTTP/1.1 503 Service Unavailable\r\n\r\n"
    slow = clients_of(Moment.ASKED, End.RST, each=2)[:1]
    receipt = await crash_outrun(slow, each=2, where=(agent, tmp_path), answer=refusal)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 11, 12)
    assert receipt.evidence[3].during == "0 by RST, 0 by FIN"


async def test_it_heals_when_the_body_raises(agent: AsyncAgent, tmp_path: Path) -> None:
    async with talking(Server()) as address:
        healing = await run_with_broken_body(CrashMidHandshake(each=1), make_scene(address, agent=agent), tmp_path)
    assert healing.state is HealingState.HEALED


@pytest.mark.parametrize("each", [0, 1.5, True])
def test_no_clients_are_refused(each: object) -> None:
    with pytest.raises(ValueError, match=r"^each is how many connections crash in each way, a whole number from 1 on"):
        CrashMidHandshake(each=each)  # type: ignore[arg-type]  # what is refused
