"""A slow link: every chunk in one direction comes later."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from websockets.asyncio.client import ClientConnection

from chaos.capability import Capability
from chaos.crowd.pinging import Pings
from chaos.faults.base import Fault, Scene
from chaos.faults.each_victim import EachVictim
from chaos.faults.probe import Others, healed_as_before, ping, through_the_link
from chaos.journal import Evidence, Healing, HealingState, Receipt
from chaos.links.toxics import LatencyToxic, Stream
from chaos.units import format_duration

__all__ = ["Latency"]

_EXCHANGES = 3
"""Round trips of one measurement, of which the least counts: whatever else slows one only adds to it."""

_SIZE = 10
"""Bytes of a ping with the four of websockets' own in it, masked, as it goes out; its pong has four less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency(Fault):
    """Everything the server sends through the link is late by the same time (`delay` seconds, give or take `jitter`).

    The proxy acknowledges at once, so neither kernel sees a slow peer: retransmission and congestion control stay as
    they are. What the other direction carries is not delayed.
    """

    delay: float = 0.05
    """Seconds. Toxiproxy with 50 ms measures 50.6 ms at the median and 51.0 ms at most."""
    jitter: float = 0.0

    name: ClassVar[str] = "latency"
    family: ClassVar[str] = "network"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LINK})
    waits: ClassVar[int] = 1 + 2 * _EXCHANGES + 2
    """A connection, two measurements, and two of the victims' own."""
    cannot: ClassVar[str] = "what TCP itself makes of a slow path: the proxy acknowledges at once"

    def __post_init__(self) -> None:
        LatencyToxic(latency=self.delay, jitter=self.jitter)  # raises ValueError for what no link can do
        if self.delay == 0:
            raise ValueError("delay is above 0s: a delay of nothing cannot be seen to act")
        if self.jitter > self.delay / 2:
            raise ValueError(
                f"jitter is at most half the delay ({format_duration(self.delay / 2)}), or the shortest delays could "
                f"not be told from none; found {format_duration(self.jitter)}"
            )

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        link = scene.the_link()
        others = await Others.on(scene)
        each = await EachVictim.of(scene, Pings(count=_EXCHANGES))
        async with through_the_link(scene) as connection:
            before = await self._round_trip(connection, scene, others)
            since = time.monotonic()
            toxic = await link.add(LatencyToxic(latency=self.delay, jitter=self.jitter), stream=Stream.DOWNSTREAM)
            try:
                during = await self._round_trip(connection, scene, others)
            except BaseException:
                await link.remove(toxic)
                raise
        try:
            # No round trip is shorter than the least that jitter leaves. And half of that more than before, or a path
            # as slow by itself would pass for a delayed one; on a busy machine the least of three is 6 ms off (seen).
            least = self.delay - self.jitter
            bit = during >= max(least, before + least / 2)
            yield await each.receipt(
                self.name,
                bit=bit,
                since=since,
                evidence=(_evidence(format_duration(before), format_duration(during)),),
                at_least=least,
                enters_after=least,
            )
        finally:
            await link.remove(toxic)
        healed_at = time.monotonic()
        healed, seen = await healed_as_before(
            scene,
            others,
            [toxic.name],
            size=_SIZE,
            look=lambda connection: self._round_trip(connection, scene, others),
            good=lambda after, added: after - before < self.delay / 2 + added,
            show=format_duration,
        )
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=HealingState.HEALED if healed else HealingState.FAILED,
            since=healed_at,
            evidence=(_evidence(format_duration(during), seen),),
        )

    @staticmethod
    async def _round_trip(connection: ClientConnection, scene: Scene, others: Others) -> float:
        """Least seconds of a WebSocket ping and its pong. Raises TimeoutError when the server does not answer."""
        return min(await ping(connection, others.exchanges(_EXCHANGES), within=_EXCHANGES * scene.patience))


def _evidence(before: str, during: str) -> Evidence:
    return Evidence(what="round trip through the link", side="client", before=before, during=during)
