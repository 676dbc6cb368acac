"""A link that cuts everything to pieces: a frame arrives a few bytes at a time."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, ClassVar

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from chaos.capability import Capability
from chaos.crowd.pinging import Pings
from chaos.faults.base import Fault, Scene
from chaos.faults.each_victim import EachVictim
from chaos.faults.probe import PAYLOAD, Others, healed_as_before, ping, through_the_link
from chaos.journal import Evidence, Healing, HealingState, Receipt
from chaos.links.toxics import SlicerToxic, Stream
from chaos.units import format_duration

__all__ = ["Sliced"]

_EXCHANGES = 3
"""Round trips of one measurement, of which the least counts: whatever else slows one only adds to it."""

_BEFORE = 8
"""Round trips of the measurement that all others are held against: once the link is sliced nobody can look again."""

_PING, _PONG = PAYLOAD + 6, PAYLOAD + 2
"""Bytes of the longest ping, which is masked, and of its pong."""

_ANSWER = 129
"""Bytes of the shortest 101: a status line and the three headers that RFC 6455 (4.2.2) asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sliced(Fault):
    """Everything passes in small pieces with pauses between them, both ways (`size` bytes at most, `pause` seconds).

    No frame arrives whole: headers are torn apart, and so are the characters of a text. TCP allows all of it.
    """

    size: int = 8
    """Bytes. Toxiproxy halves what it has read until no piece is longer."""
    pause: float = 0.001
    """Seconds: long enough for the receiver to read each piece by itself."""

    name: ClassVar[str] = "sliced"
    family: ClassVar[str] = "network"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LINK})
    waits: ClassVar[int] = 1 + 3 * _EXCHANGES + _BEFORE + 2
    """A connection, two measurements of handshakes and of pings, and two of the victims' own."""
    cannot: ClassVar[str] = "segments that arrive out of order, or a receiver that is sure to read each by itself"

    def __post_init__(self) -> None:
        SlicerToxic(average_size=self.size, delay=self.pause)  # raises ValueError for what no link can do
        if self.size > PAYLOAD // 2:
            raise ValueError(f"size is at most {PAYLOAD // 2} bytes, or a ping would not be cut; found {self.size}")
        if self.pause == 0:
            raise ValueError("pause is above 0s: pieces that follow at once arrive as one")

    @property
    def adds(self) -> float:
        """Seconds that the longest ping and its pong take longer, at least: a pause after each piece but the last."""
        return self._pauses(_PING) + self._pauses(_PONG)

    def _pauses(self, size: int) -> float:
        """Seconds that so many bytes take longer, at least."""
        return (math.ceil(size / self.size) - 1) * self.pause

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        link = scene.the_link()
        others = await Others.on(scene)
        opening = await _opening(scene)
        each = await EachVictim.of(scene, Pings(count=_EXCHANGES, size=PAYLOAD))
        async with contextlib.AsyncExitStack() as healing:
            async with through_the_link(scene, _Counting) as connection:
                assert isinstance(connection, _Counting)
                connection.count_anew()  # the handshake's answer was a read as well
                before = await _round_trip(connection, scene, others, _BEFORE)
                whole = connection.most_reads()
                since = time.monotonic()
                own = []
                for stream in Stream:
                    toxic = await link.add(SlicerToxic(average_size=self.size, delay=self.pause), stream=stream)
                    healing.push_async_callback(link.remove, toxic)
                    own.append(toxic.name)
                connection.count_anew()
                during: float | None
                pieces: int | None
                try:
                    during = await _round_trip(connection, scene, others)
                    pieces = connection.most_reads()
                except ConnectionClosed:
                    # A server that ends a connection for a torn frame is the very thing to be found: its handshake,
                    # of which either half is longer than a ping, is torn as well and has to do for the proof.
                    during = pieces = None
            evidence: tuple[Evidence, ...]
            if during is None or pieces is None:
                opened = await _opening(scene)
                bit = opened >= opening + self.adds
                evidence = (
                    _evidence(format_duration(before), "the server ended the connection"),
                    Evidence(
                        what="handshake through the link",
                        side="client",
                        before=format_duration(opening),
                        during=format_duration(opened),
                    ),
                )
            else:
                # Beside jitter the least of many round trips varies by as much as the pauses add: the pieces tell.
                # Over TLS nobody sees them, for a record is passed on when it is whole: there the pauses have to do.
                slower = during >= before + self.adds
                bit = slower if scene.tls is not None else pieces > whole and (others.jitter or slower)
                evidence = (
                    _evidence(format_duration(before), format_duration(during)),
                    Evidence(
                        what=f"reads that a pong of {_PONG} bytes came in",
                        side="client",
                        before=str(whole),
                        during=str(pieces),
                    ),
                )
            yield await each.receipt(
                self.name,
                bit=bit,
                since=since,
                evidence=evidence,
                at_least=self.adds,
                enters_after=self._pauses(_ANSWER),
            )
        healed_at = time.monotonic()
        healed, seen = await healed_as_before(
            scene,
            others,
            own,
            size=_PING + _PONG,
            look=lambda connection: _round_trip(connection, scene, others),
            good=lambda after, added: after < before + self.adds / 2 + added,
            show=format_duration,
        )
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=HealingState.HEALED if healed else HealingState.FAILED,
            since=healed_at,
            evidence=(_evidence("not measured" if during is None else format_duration(during), seen),),
        )


class _Counting(ClientConnection):
    """A connection that counts in how many reads each pong came."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._now = 0
        self._reads: list[int] = []

    def data_received(self, data: bytes) -> None:
        self._now += 1
        super().data_received(data)

    def acknowledge_pings(self, data: bytes) -> None:
        self._reads.append(self._now)
        self._now = 0
        super().acknowledge_pings(data)

    def count_anew(self) -> None:
        self._now, self._reads = 0, []

    def most_reads(self) -> int:
        return max(self._reads)


async def _opening(scene: Scene) -> float:
    """Least seconds until a connection through the link is open."""
    times = []
    for _ in range(_EXCHANGES):
        began = time.monotonic()
        async with through_the_link(scene):
            times.append(time.monotonic() - began)
    return min(times)


async def _round_trip(connection: ClientConnection, scene: Scene, others: Others, exchanges: int = _EXCHANGES) -> float:
    count = others.exchanges(exchanges)
    return min(await ping(connection, count, within=_EXCHANGES * scene.patience, payload=True))


def _evidence(before: str, during: str) -> Evidence:
    return Evidence(what=f"round trip of {_PING} bytes through the link", side="client", before=before, during=during)
