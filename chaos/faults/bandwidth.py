"""A narrow link: so many bytes a second pass, and no more."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from websockets.asyncio.client import ClientConnection

from chaos.capability import Capability
from chaos.crowd.pinging import Pings
from chaos.faults.base import Fault, Scene
from chaos.faults.each_victim import EachVictim
from chaos.faults.probe import PAYLOAD, Others, healed_as_before, held_by_all, through_the_link
from chaos.journal import Evidence, Healing, HealingState, Receipt
from chaos.links.toxics import BandwidthToxic, Stream
from chaos.units import format_duration

__all__ = ["Bandwidth"]

_PINGS = 100
"""Of the longest: each has its answer. 12.7 kB, of which the proxy's buffers keep nothing: at the default rate they
take a quarter of a second."""

_TOGETHER = 25
"""Of them at once: npm ws 8.23 ends a connection on which it has 60 pongs to write."""
_BATCHES = _PINGS // _TOGETHER

_BEFORE = 3
"""Measurements of how things were, of which the least counts: whatever else slows one only adds to it, and a path that
was slow for a moment of the machine's would have to be slower than that when it is throttled."""

_FRAME = PAYLOAD + 2
"""Bytes of such a pong; the ping has four more for its mask, so this is the least of both."""

_BULK = _PINGS * _FRAME
"""Bytes of one measurement, in either direction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bandwidth(Fault):
    """At most so many bytes a second pass (`rate`), on each connection by itself, one way or both (`streams`).

    The proxy goes on reading only as fast as it may pass things on, so what does not fit fills its buffers and then
    the sender's: the server's sends wait.
    """

    rate: int = 50_000
    """Bytes a second, whole thousands: an update of 100 bytes takes 2 ms, a message of 100 kB two seconds."""
    streams: tuple[Stream, ...] = (Stream.DOWNSTREAM, Stream.UPSTREAM)

    name: ClassVar[str] = "bandwidth"
    family: ClassVar[str] = "network"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LINK})
    waits: ClassVar[int] = 2 + _BEFORE + 2
    """A connection, the measurements, and two of the victims' own."""
    cannot: ClassVar[str] = "a bottleneck that connections share: each has so much to itself; nor loss in a full queue"

    def __post_init__(self) -> None:
        BandwidthToxic(rate=self.rate)  # raises ValueError for what no link can do
        if self.rate == 0:
            raise ValueError("rate is above 0 bytes a second: with none nothing passes, and nothing can be measured")
        if not self.streams or len(set(self.streams)) < len(self.streams):
            raise ValueError(f"streams are one or both directions, each once; found {list(map(str, self.streams))}")

    @property
    def takes(self) -> float:
        """Seconds of the bulk exchange at this rate, at least."""
        return _BULK / self.rate

    def within(self, patience: float) -> float:
        """As for every fault, and the bulk exchange at this rate, up and down: on its own connection, and on those
        of the victims."""
        return Fault.within(self, patience) + 4 * self.takes

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        link = scene.the_link()
        others = await Others.on(scene)
        each = await EachVictim.of(scene, Pings(count=_PINGS, size=PAYLOAD, together=_TOGETHER))
        async with through_the_link(scene) as connection, contextlib.AsyncExitStack() as healing:
            before = min([await _bulk(connection, scene) for _ in range(_BEFORE)])
            since = time.monotonic()
            own = []
            for stream in self.streams:
                toxic = await link.add(BandwidthToxic(rate=self.rate), stream=stream)
                healing.push_async_callback(link.remove, toxic)
                own.append(toxic.name)
            during = await _bulk(connection, scene)
            # A toxic sleeps for the bytes it lets through, so none passes sooner, but for a timer's millisecond; and
            # half of that more than before, or a path as narrow by itself would pass for a throttled one.
            bit = during >= max(0.9 * self.takes, before + self.takes / 2)
            yield await each.receipt(
                self.name,
                bit=bit,
                since=since,
                evidence=(_evidence(_show(before), _show(during)),),
                at_least=0.9 * self.takes,
                show=_show,
            )
        healed_at = time.monotonic()
        healed, seen = await healed_as_before(
            scene,
            others,
            own,
            size=_BULK,
            trips=_BATCHES,
            look=lambda connection: _bulk(connection, scene),
            good=lambda after, added: after < before + self.takes / 2 + added,
            show=_show,
        )
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=HealingState.HEALED if healed else HealingState.FAILED,
            since=healed_at,
            evidence=(_evidence(_show(during), seen),),
        )


async def _bulk(connection: ClientConnection, scene: Scene) -> float:
    """Seconds until the last of many pings has its pong. Raises TimeoutError when the server does not answer."""
    within = scene.patience + await held_by_all(scene, size=_BULK, trips=_BATCHES)
    began = time.monotonic()
    try:
        async with asyncio.timeout(within):
            for start in range(0, _PINGS, _TOGETHER):
                numbers = range(start, start + _TOGETHER)
                pongs = [await connection.ping(f"{number}@{began}".zfill(PAYLOAD)) for number in numbers]
                await asyncio.gather(*pongs)
    except TimeoutError:
        raise TimeoutError(f"{_PINGS} pings were not answered within {format_duration(within)}") from None
    return time.monotonic() - began


def _show(seconds: float) -> str:
    return f"{_BULK / seconds / 1000:.0f} kB/s"


def _evidence(before: str, during: str) -> Evidence:
    return Evidence(
        what=f"throughput of {_BULK} bytes each way on one connection", side="client", before=before, during=during
    )
