"""Clients that crash around their upgrade: in the middle of the request, right after it, and right after the 101."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import termios
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import product
from typing import ClassVar

from chaos.capability import Capability
from chaos.errors import FaultError
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import Wire, peer_sockets, poll_until, states_evidence, states_once_ended
from chaos.faults.upgrade import upgrade_request
from chaos.faults.victims import covering, gone_for_good
from chaos.hostile.channel import Channel, channel_on
from chaos.journal import Evidence, Healing, Receipt

__all__ = ["KINDS", "CrashMidHandshake", "Moment"]


class Moment(StrEnum):
    """How far the handshake has come when the client crashes."""

    HALF = "half of the request, read by the server"
    ASKED = "the whole request, and no answer yet"
    ANSWERED = "the 101"


class End(StrEnum):
    """What the server's kernel is told."""

    RST = "RST"
    FIN = "FIN"


KINDS = tuple(product(Moment, End))
"""Every way to crash."""

_LONGEST_AHEAD = (Moment.ANSWERED, Moment.HALF, Moment.ASKED)
"""Who connects after whom: whoever waits in the middle of a handshake does so on the time that a server leaves it."""

_UPGRADED = b"HTTP/1.1 101 "
"""How a 101 begins: RFC 6455, section 4.2.2."""


@dataclass(slots=True)
class _Client:
    """One connection, opened by the fault itself: a faithful client would go on."""

    number: int
    moment: Moment
    end: End
    channel: Channel
    heard: bytearray = field(default_factory=bytearray)
    crashed_at: Moment | None = None
    """How far it was when it ended: as its moment says, or further where the answer was faster; None: not that far."""

    @property
    def connection(self) -> socket.socket:
        return self.channel.connection

    @property
    def reached(self) -> bool:
        """Whether it was as far as its moment says when it ended."""
        return self.crashed_at is self.moment

    @property
    def answered_first(self) -> bool:
        """Whether the 101 came before it could crash without one."""
        return self.moment is Moment.ASKED and self.crashed_at is Moment.ANSWERED

    async def begin(self, request: bytes, half: int) -> None:
        """TLS, where it is spoken, and what its moment has it send before it crashes; its answer as well.

        Raises OSError for the end of TCP, or an answer that is no 101.
        """
        await self.channel.begin()
        if self.moment is Moment.HALF:
            await self.channel.send(request[:half])
        elif self.moment is Moment.ANSWERED:
            await self.channel.send(request)
            await self._upgraded()
            self.crashed_at = Moment.ANSWERED

    async def _upgraded(self) -> None:
        """Read until the answer's head is here. Raises OSError for the end of TCP, or another status."""
        while b"\r\n\r\n" not in self.heard:
            data = await self.channel.receive()
            if not data:
                raise OSError("it ended the connection of a flawless handshake")
            self.heard += data
        status = self.heard.split(b" ", 2)[1].decode("latin-1")
        if status != "101":
            raise OSError(f"a flawless handshake was answered with {status}")

    def unacknowledged(self) -> int:
        """Bytes written that the server's kernel has not acknowledged."""
        return int(struct.unpack("i", fcntl.ioctl(self.connection, termios.TIOCOUTQ, b"\0" * 4))[0])

    def crash(self, rest: bytes) -> None:
        """Send what is left to send, and end at once; with an RST, or with a FIN as the last segment's flag."""
        if self.end is End.RST:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if self.moment is Moment.ASKED:
            # Held back until it closes, or for the 200 ms of TCP_CORK: request and FIN reach the server together, and
            # nothing comes between them. Ahead of an RST nothing can be held back: it throws that away.
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, int(self.end is End.FIN))
            self.connection.sendall(self.channel.encode(rest))
            self.heard += self.channel.take_in()
            self.crashed_at = _moment_of(self.heard)
        elif self.end is End.FIN:
            self.heard += self.channel.take_in()  # closing with bytes unread sends RST in place of FIN
        self.connection.close()


def _moment_of(heard: bytes | bytearray) -> Moment | None:
    """Where a client ends that has asked and has heard this; None after an answer that is no 101."""
    if not heard:
        return Moment.ASKED
    return Moment.ANSWERED if heard.startswith(_UPGRADED) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashMidHandshake(Fault):
    """Clients crash while they connect: at half of a request, at a whole one, at the 101; so many in each way.

    What a server keeps of a connection changes hands in between: from the HTTP parser to the application, from there to
    whatever counts sessions. Each has to let go where the other has not begun yet.

    Who has asked and is to crash without an answer races with it. One whose 101 came first has crashed after it, which
    is as good a crash; but each of the six ways has to be seen on one client at least, or the fault has not bitten.
    """

    each: int = 5
    """Connections for each of the six ways."""

    name: ClassVar[str] = "crash-mid-handshake"
    family: ClassVar[str] = "client"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TCP_TRUE, Capability.SOCKET_PROBE})
    announced: ClassVar[bool] = True
    waits: ClassVar[int] = 11
    """For each moment connecting, being accepted, TLS and what is sent and answered; that halves are read; the end."""
    cannot: ClassVar[str] = "a crash at every possible byte, and one between the server's decision and its 101"

    def __post_init__(self) -> None:
        if isinstance(self.each, bool) or not isinstance(self.each, int) or self.each < 1:
            raise ValueError(
                f"each is how many connections crash in each way, a whole number from 1 on; found {self.each!r}"
            )

    @property
    def crowd(self) -> int:
        """Connections, all together."""
        return self.each * len(KINDS)

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        agent, port = scene.the_agent(), scene.server.port
        request = upgrade_request(scene).encode()
        clients: list[_Client] = []
        wires: list[Wire] = []
        try:
            clients.extend(self._made(scene))
            for moment in _LONGEST_AHEAD:
                those = [client for client in clients if client.moment is moment]
                await _connect(scene, those)
                accepted = await _accepted(scene, those)
                await _begin(scene, those, accepted, request)
                wires += accepted
            since = time.monotonic()
            for client in clients:
                client.crash(request)
        finally:
            for client in clients:
                client.connection.close()
        states = await states_once_ended(agent, port, wires, within=scene.patience)
        ended = {client for client, state in states.items() if state != "ESTABLISHED"}
        yield covering(
            self.name,
            since=since,
            covered=sum(client.number in ended for client in _as_meant(clients)),
            total=len(clients),
            evidence=(
                *(_reached(moment, clients) for moment in Moment),
                _answered_first(clients),
                states_evidence(wires, states),
            ),
        )
        yield await gone_for_good(self.name, agent, port, wires)

    def _made(self, scene: Scene) -> Iterator[_Client]:
        """The clients, not connected yet."""
        family = socket.AF_INET6 if ":" in scene.server.address.host else socket.AF_INET
        for number, (moment, end) in enumerate(KINDS * self.each):
            made = socket.socket(family, socket.SOCK_STREAM)
            made.setblocking(False)
            yield _Client(number, moment, end, channel_on(made, scene.tls))


async def _connect(scene: Scene, clients: Sequence[_Client]) -> None:
    """Connect all of them. Raises FaultError where one cannot."""
    where = (scene.server.address.host, scene.server.address.port)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(scene.patience):
            await asyncio.gather(*(loop.sock_connect(client.connection, where) for client in clients))
    except (OSError, TimeoutError) as error:
        raise FaultError(f"clients that are to crash cannot connect: {str(error) or 'no answer'}") from error


async def _accepted(scene: Scene, clients: Sequence[_Client]) -> list[Wire]:
    """Both kernels' names of the connections, once the server has accepted them all. Raises FaultError."""
    names = {client.connection.getsockname()[:2]: client.number for client in clients}

    async def look() -> list[Wire]:
        return [
            Wire(client=names[found.remote], server=found.local, peer=found.remote, inode=found.inode)
            for found in await scene.the_agent().sockets(scene.server.port)
            if found.side == "local" and found.inode and found.remote in names
        ]

    wires = await poll_until(look, lambda found: len(found) == len(clients), within=scene.patience)
    if len(wires) < len(clients):
        raise FaultError(f"{len(clients) - len(wires)} of {len(clients)} connections were not accepted")
    return sorted(wires, key=lambda wire: wire.client)


async def _begin(scene: Scene, clients: Sequence[_Client], wires: Sequence[Wire], request: bytes) -> None:
    """Bring those of one moment to just before their crash, each without a wait for others between TLS and its request.

    Raises FaultError where a flawless handshake is not answered.
    """
    half = len(request) // 2
    try:
        async with asyncio.timeout(scene.patience):
            await asyncio.gather(*(client.begin(request, half) for client in clients))
    except (OSError, TimeoutError) as error:
        raise FaultError(f"the handshake before a crash failed: {str(error) or 'no answer'}") from error
    halves = [client for client in clients if client.moment is Moment.HALF]
    if not halves:
        return

    async def read() -> set[int]:
        sent = {client.number for client in halves if not client.unacknowledged()}
        held = await peer_sockets(scene.the_agent(), scene.server.port, wires)
        return {number for number in sent if number in held and not held[number].rqueue}

    there = await poll_until(read, lambda found: len(found) == len(halves), within=scene.patience)
    for client in halves:
        client.crashed_at = Moment.HALF if client.number in there else None


def _as_meant(clients: Sequence[_Client]) -> list[_Client]:
    """Those that were as far as they should, or one step further beside another of their way that was not."""
    ways = {(client.moment, client.end) for client in clients if client.reached}
    return [
        client
        for client in clients
        if client.reached or (client.answered_first and (client.moment, client.end) in ways)
    ]


def _reached(moment: Moment, clients: Sequence[_Client]) -> Evidence:
    those = [client for client in clients if client.moment is moment]
    ends = ", ".join(
        f"{sum(client.reached for client in those if client.end is end)} of "
        f"{sum(client.end is end for client in those)} by {end}"
        for end in End
    )
    return Evidence(what=f"crashed after {moment}", side="both ends", before="0", during=ends)


def _answered_first(clients: Sequence[_Client]) -> Evidence:
    ends = ", ".join(f"{sum(client.answered_first for client in clients if client.end is end)} by {end}" for end in End)
    return Evidence(what="answered with a 101 before they could crash", side="both ends", before="0", during=ends)
