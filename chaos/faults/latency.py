"""A slow link: every chunk in one direction comes later."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from websockets.asyncio.client import ClientConnection

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.journal import Bite, Evidence, Healing, HealingState, Receipt
from chaos.links.toxics import LatencyToxic, Stream
from chaos.probes.conversation import open_connection
from chaos.units import format_duration

__all__ = ["Latency"]

_EXCHANGES = 3
"""Round trips of one measurement, of which the median counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency(Fault):
    """Delays everything the server sends through the link by `delay` seconds, give or take `jitter`.

    The proxy acknowledges at once, so neither kernel sees a slow peer: retransmission and congestion control stay as
    they are. What the other direction carries is not delayed.
    """

    delay: float = 0.05
    """Seconds. Toxiproxy with 50 ms measures 50.6 ms at the median and 51.0 ms at most."""
    jitter: float = 0.0

    name: ClassVar[str] = "latency"
    family: ClassVar[str] = "network"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LINK})
    cannot: ClassVar[str] = "what TCP itself makes of a slow path: the proxy acknowledges at once"

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        link = scene.the_link()
        async with self._probe(scene) as connection:
            before = await self._round_trip(connection)
            since = time.monotonic()
            toxic = await link.add(LatencyToxic(latency=self.delay, jitter=self.jitter), stream=Stream.DOWNSTREAM)
            try:
                during = await self._round_trip(connection)
            except BaseException:
                await link.remove(toxic)
                raise
        try:
            # Nine tenths: the least of what jitter leaves, and no other thing adds as much as the delay.
            bit = during - before >= 0.9 * (self.delay - self.jitter)
            yield Receipt(
                at=time.monotonic(),
                fault=self.name,
                bite=Bite.BIT if bit else Bite.DID_NOT_BITE,
                covered=0,
                total=0,
                since=since,
                evidence=(self._evidence(before, during),),
            )
        finally:
            healed_at = time.monotonic()
            await link.remove(toxic)
        async with self._probe(scene) as connection:
            after = await self._round_trip(connection)
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=HealingState.HEALED if after - before < self.delay / 2 else HealingState.FAILED,
            since=healed_at,
            evidence=(self._evidence(during, after),),
        )

    @staticmethod
    @contextlib.asynccontextmanager
    async def _probe(scene: Scene) -> AsyncIterator[ClientConnection]:
        """A connection through the link for one measurement: one that stayed would idle, and be closed for it."""
        connection = await open_connection(
            scene.the_link().address,
            scene.echo.path,
            within=scene.patience,
            headers=dict(scene.echo.headers),
            subprotocol=scene.echo.subprotocol,
        )
        try:
            yield connection
        finally:
            connection.transport.abort()

    @staticmethod
    async def _round_trip(connection: ClientConnection) -> float:
        """Median seconds of a WebSocket ping and its pong."""
        times = []
        for _ in range(_EXCHANGES):
            began = time.monotonic()
            await (await connection.ping())
            times.append(time.monotonic() - began)
        return statistics.median(times)

    @staticmethod
    def _evidence(before: float, during: float) -> Evidence:
        return Evidence(
            what="round trip through the link",
            side="client",
            before=format_duration(before),
            during=format_duration(during),
        )
