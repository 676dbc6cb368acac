"""A link of changing delay: no two chunks take the same time."""

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

__all__ = ["Jitter"]

_EXCHANGES = 8
"""Round trips of one look. Of eight uniform delays the spread, but the longest, is below a quarter of the range in 4
of 1,000; then it looks again."""

_OF_EACH = 3
"""Round trips of each victim, of which the least is as long as the shortest delay: that they differ is the link's."""

_SIZE = 10
"""Bytes of a ping of websockets, as it goes out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Jitter(Fault):
    """Each chunk the server sends is late by another time, drawn anew (`delay` seconds, give or take `jitter`).

    TCP keeps the order, so a late chunk holds up what comes after it. A fault of its own and not a figure of
    `Latency`, because another thing proves it: that round trips differ, not that the least of them is long.
    """

    delay: float = 0.06
    """Seconds, on the average."""
    jitter: float = 0.04
    """Seconds. From 20 ms to 100 ms with both defaults: far more than a busy machine adds by itself."""

    name: ClassVar[str] = "jitter"
    family: ClassVar[str] = "network"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LINK})
    waits: ClassVar[int] = 2 + 3 * _EXCHANGES + 2
    """A connection, one look before, looking until it is seen, one look more at most, and two at the victims."""
    cannot: ClassVar[str] = "packets that overtake each other, and delays that can be drawn again from a seed"

    def __post_init__(self) -> None:
        LatencyToxic(latency=self.delay, jitter=self.jitter)  # raises ValueError for what no link can do
        if not 0 < self.jitter < self.delay:
            raise ValueError(
                f"jitter is above 0s and below the delay ({format_duration(self.delay)}), or the shortest delays could "
                f"not be told from none; found {format_duration(self.jitter)}"
            )

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        link = scene.the_link()
        others = await Others.on(scene)
        each = await EachVictim.of(scene, Pings(count=_OF_EACH))
        async with through_the_link(scene) as connection:
            before = await _look(connection, scene)
            since = time.monotonic()
            toxic = await link.add(LatencyToxic(latency=self.delay, jitter=self.jitter), stream=Stream.DOWNSTREAM)
            try:
                during = await self._once_seen(connection, scene, before)
            except BaseException:
                await link.remove(toxic)
                raise
        try:
            yield await each.receipt(
                self.name,
                bit=self._acts(before, during),
                since=since,
                evidence=(_evidence(_show(before), _show(during)),),
                at_least=self.delay - self.jitter,
                enters_after=self.delay - self.jitter,
            )
        finally:
            await link.remove(toxic)
        healed_at = time.monotonic()
        least = self.delay - self.jitter
        healed, seen = await healed_as_before(
            scene,
            others,
            [toxic.name],
            size=_SIZE,
            look=lambda connection: _look(connection, scene),
            good=lambda after, added: min(after) < min(before) + least / 2 + added,
            show=_show,
        )
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=HealingState.HEALED if healed else HealingState.FAILED,
            since=healed_at,
            evidence=(_evidence(_show(during), seen),),
        )

    async def _once_seen(self, connection: ClientConnection, scene: Scene, before: list[float]) -> list[float]:
        """The round trips when they differ enough, or the scene's patience is over."""
        deadline = time.monotonic() + scene.patience
        times = await _look(connection, scene)
        while not self._acts(before, times) and time.monotonic() < deadline:
            times += await _look(connection, scene)
        return times

    def _acts(self, before: list[float], during: list[float]) -> bool:
        """Whether none is shorter than the delay allows, and they differ by half the jitter more than before."""
        return min(during) >= self.delay - self.jitter and _spread(during) >= _spread(before) + self.jitter / 2


async def _look(connection: ClientConnection, scene: Scene) -> list[float]:
    return await ping(connection, _EXCHANGES, within=_EXCHANGES * scene.patience)


def _spread(times: list[float]) -> float:
    """Seconds between the least and the most but one: a moment in which the machine stood still delays one of them."""
    return sorted(times)[-2] - min(times)


def _show(times: list[float]) -> str:
    return f"{format_duration(min(times))} to {format_duration(max(times))}"


def _evidence(before: str, during: str) -> Evidence:
    return Evidence(what="round trips through the link", side="client", before=before, during=during)
