"""Hostile clients: each sends one input that the protocol forbids, or that it allows and few expect."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.crowd.exchange import NUMBER
from chaos.dialects import SOCKET_IO, dialect_named
from chaos.dialects.base import Talk
from chaos.errors import FaultError
from chaos.faults.base import HELPER_WITHIN, Fault, Scene
from chaos.faults.evidence import poll_until
from chaos.faults.upgrade import upgrade_request
from chaos.faults.victims import covering, taken_out
from chaos.hostile.catalogue import Case, Grounds, Input, cases_of
from chaos.hostile.peer import Exchange, Peer
from chaos.journal import Event, Evidence, Healing, HostileAnswer, Receipt
from chaos.target import Echo

__all__ = ["HostileCrowd", "HostileFrames", "HostileHandshakes", "HostilePackets"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hostile(Fault):
    """All cases of one kind at once, each on a connection of its own; it heals when each has its answer, or none."""

    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TCP_TRUE})
    waits: ClassVar[int] = 5
    """Connecting (TLS included), a handshake, the delivery, the answer, and the end of TCP after it."""

    kind: Input
    answer_within: float | None = None
    """Seconds an answer is waited for; None: the scene's patience."""
    max_message: int = 2**20
    """Bytes of the largest message that the server promises to take."""

    def within(self, patience: float) -> float:
        return self.waits * max(patience, self.answer_within or 0.0) + HELPER_WITHIN

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        record = scene.the_record()
        peers = [self._peer(case, scene) for case in self._cases()]
        since = time.monotonic()
        within = self.answer_within or scene.patience
        # Everybody is inside before the first sends: what ends the server is not taken for a door that was shut.
        go = asyncio.Event()
        tasks = [asyncio.create_task(_write_down(peer, go, self.kind, within, record)) for peer in peers]
        try:
            await _all(peer.ready for peer in peers)
            _raise_first(tasks)
            go.set()
            await _all(peer.delivered for peer in peers)
            _raise_first(tasks)
            yield self._receipt(peers, since)
            healing_since, connected = time.monotonic(), await _served(scene, peers)
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        # Each has closed its socket by now; what the server's kernel has not heard of yet it hears of within a moment.
        left = await poll_until(lambda: _served(scene, peers), lambda found: not found, within=scene.patience)
        yield taken_out(self.name, since=healing_since, connected=connected, left=left)

    def _cases(self) -> tuple[Case, ...]:
        """What is sent, a connection each."""
        return cases_of(self.kind)

    def _peer(self, case: Case, scene: Scene) -> Peer:
        dialect, namespace = dialect_named(scene.dialect), scene.echo.namespace or "/"
        own, last = (_exchange(scene.echo, number, dialect.talk(namespace)) for number in (1, 2))
        grounds = Grounds(
            request=upgrade_request(scene),
            text=own.send,
            dialect=dialect.name,
            namespace=namespace,
            max_message=self.max_message,
            server_name=None if scene.tls is None else scene.tls.server_name,
        )
        return Peer(case, scene.server.address, grounds, (own, last), tls=scene.tls)

    def _receipt(self, peers: Sequence[Peer], since: float) -> Receipt:
        absent = [peer.case.name for peer in peers if not (peer.acknowledged or peer.held_back)]
        there, missing = len(peers) - len(absent), dict.fromkeys(absent)
        return covering(
            self.name,
            since=since,
            covered=there,
            total=len(peers),
            evidence=(
                Evidence(
                    what=f"{self.kind.value}: acknowledged by the server's kernel, "
                    "or cut short by an answer, an end, or a server that reads no further",
                    side="client kernel",
                    before="0",
                    during=f"{there} of {len(peers)}" + (f", not: {', '.join(missing)}" if missing else ""),
                ),
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HostileFrames(_Hostile):
    """Frames that RFC 6455 forbids, or allows and few expect, behind a flawless handshake.

    It cannot simulate a defect of the server's own parser that a certain timing of TCP segments brings out.
    """

    name: ClassVar[str] = "hostile-frames"
    family: ClassVar[str] = "frame"
    cannot: ClassVar[str] = "frames torn apart at every possible byte"
    kind: Input = Input.BROKEN_FRAMES


@dataclass(frozen=True, slots=True, kw_only=True)
class HostileHandshakes(_Hostile):
    """Upgrade requests that are wrong, odd, or never complete.

    It cannot simulate many addresses: a limit for each address sees one.
    """

    name: ClassVar[str] = "hostile-handshakes"
    family: ClassVar[str] = "handshake"
    cannot: ClassVar[str] = "many source addresses"
    kind: Input = Input.BROKEN_HANDSHAKES


@dataclass(frozen=True, slots=True, kw_only=True)
class HostilePackets(_Hostile):
    """Packets that the dialect forbids, or allows and few expect, in flawless WebSocket messages.

    Unexpected, unfinished, out of order and unreadable ones. It cannot simulate a client that speaks an older revision
    of the protocols throughout.
    """

    name: ClassVar[str] = "hostile-packets"
    family: ClassVar[str] = "application"
    dialects: ClassVar[frozenset[str] | None] = frozenset({SOCKET_IO})
    cannot: ClassVar[str] = "clients of an older revision of the protocols"
    kind: Input = Input.BROKEN_PACKETS


@dataclass(frozen=True, slots=True, kw_only=True)
class HostileCrowd(HostileHandshakes):
    """One of them, by so many clients at once."""

    crowd: int = 100
    """Connections: as many as would take every place of a small server, if they took any."""

    family: ClassVar[str] = "crowd"
    does: ClassVar[str]
    """What its connections do, for the message that refuses a crowd."""

    def __post_init__(self) -> None:
        if isinstance(self.crowd, bool) or not isinstance(self.crowd, int) or self.crowd < 1:
            raise ValueError(
                f"crowd is how many connections {self.does}, a whole number from 1 on; found {self.crowd!r}"
            )

    def _cases(self) -> tuple[Case, ...]:
        return cases_of(self.kind) * self.crowd


async def _served(scene: Scene, peers: Sequence[Peer]) -> int:
    """Clients to whom the server's kernel holds a connection on both sides; 0 where nobody can ask it."""
    if scene.agent is None:
        return 0
    ours = {peer.local for peer in peers}
    sockets = await scene.agent.sockets(scene.server.port)
    return sum(each.remote in ours and each.state == "ESTABLISHED" for each in sockets if each.side == "local")


async def _write_down(
    peer: Peer, go: asyncio.Event, kind: Input, within: float, record: Callable[[Event], object]
) -> None:
    """Converse, and write down what came of it, if anything could. Raises FaultError where it could not even begin."""
    try:
        outcome = await peer.converse(go, within=within)
    except (OSError, TimeoutError) as error:
        raise FaultError(f"hostile input {peer.case.name!r} could not be sent: {str(error) or 'no answer'}") from error
    if outcome is None:
        return
    record(
        HostileAnswer(
            at=time.monotonic(),
            inputs=kind.value,
            case=peer.case.name,
            reaction=outcome.reaction.value,
            delivered=peer.acknowledged,
            took=outcome.took,
            code=outcome.code,
            status=outcome.status,
            released_after=outcome.released_after,
            detail=outcome.detail,
        )
    )


async def _all(events: Iterable[asyncio.Event]) -> None:
    await asyncio.gather(*(event.wait() for event in events))


def _raise_first(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Raises the FaultError of the first client that could not begin."""
    for task in tasks:
        if task.done():
            task.result()


def _exchange(echo: Echo, number: int, talk: Talk) -> Exchange:
    return Exchange(
        send=talk.say(echo.send.replace(NUMBER, str(number))).encode(),
        expect=re.compile(echo.expect.replace(NUMBER, str(number))),
    )
