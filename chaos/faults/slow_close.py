"""An end that comes late: the clients have said FIN, and the server hears of it a while later."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.cut_off import Socket, established
from chaos.faults.evidence import poll_until
from chaos.faults.passing import PASSED_ON_WITHIN, passed_on
from chaos.faults.upgrade import upgrade_request
from chaos.faults.victims import covering
from chaos.journal import Evidence, Healing, HealingState, Receipt
from chaos.links.toxics import SlowCloseToxic, Stream
from chaos.probes.tls import end, stream_options
from chaos.units import format_duration

__all__ = ["SlowClose"]

_UNTIL_LOOKED = 3600.0
"""Seconds that the FIN is held back at first: until it was seen to be, whenever somebody gets to look. Its own delay
begins then, so that no hitch of ours can make the look too late."""

_LEAST = 2 * PASSED_ON_WITHIN
"""Seconds of the shortest delay that can be told from none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowClose(Fault):
    """The clients end their direction, and the link passes their FIN on late (`delay` seconds).

    They read on meanwhile, so that nothing the server sends comes back as RST. The counterpart of `HalfOpen`, whose
    FIN never comes: here the server is told, and has to let go then.
    """

    delay: float = 0.3
    """Seconds."""

    name: ClassVar[str] = "slow-close"
    family: ClassVar[str] = "network"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LINK, Capability.SOCKET_PROBE})
    announced: ClassVar[bool] = True
    cannot: ClassVar[str] = "a FIN that is lost and sent again: the proxy's kernel has acknowledged it long before"

    def __post_init__(self) -> None:
        SlowCloseToxic(delay=self.delay)  # raises ValueError for what no link can do
        if self.delay < _LEAST:
            raise ValueError(
                f"delay is at least {format_duration(_LEAST)}, or it could not be told from none; "
                f"found {format_duration(self.delay)}"
            )

    def within(self, patience: float) -> float:
        """As for every fault, and the time until the FIN comes."""
        return Fault.within(self, patience) + self.delay

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        link, victims = scene.the_link(), scene.the_victims()
        held = await established(scene)
        toxic = await link.add(SlowCloseToxic(delay=_UNTIL_LOOKED), stream=Stream.UPSTREAM)
        try:
            left = time.monotonic()
            ending = await victims.half_close()
            await passed_on(link)
            looked = time.monotonic()
            early = await established(scene)
            let_go = time.monotonic()
            toxic = await link.update(toxic, SlowCloseToxic(delay=self.delay))
            arrival = _Arrival(scene, held & early, before=let_go + self.delay)
            await arrival.of(1, within=self.delay + scene.patience)
            since = time.monotonic()
            late = await arrival.of(len(ending), within=scene.patience)
            kept = max(0, len(ending) - len(held - early))
            yield covering(
                self.name,
                since=since,
                covered=min(kept, len((held & early) - late - arrival.too_soon)),
                total=victims.size,
                evidence=(
                    Evidence(
                        what=f"established sockets of the server {format_duration(looked - left)} after the FIN",
                        side="server kernel",
                        before=str(len(held)),
                        during=str(len(held & early)),
                    ),
                    Evidence(
                        what=f"established sockets of the server {format_duration(since - left)} after the FIN",
                        side="server kernel",
                        before=str(len(held & early)),
                        during=str(len(held & early & late)),
                    ),
                ),
            )
        finally:
            await link.remove(toxic)
        healed_at = time.monotonic()
        took = await self._once_prompt(scene)
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=HealingState.HEALED if took < self.delay / 2 else HealingState.FAILED,
            since=healed_at,
            evidence=(
                Evidence(
                    what="from a client's FIN to its arrival",
                    side="server kernel",
                    before=format_duration(since - left),
                    during=format_duration(took) if math.isfinite(took) else "not seen: no connection got through",
                ),
            ),
        )

    async def _once_prompt(self, scene: Scene) -> float:
        """Seconds that the FIN of a new connection takes, when that is less than half the delay or patience is over."""
        return await poll_until(
            lambda: _ending(scene), lambda took: took < self.delay / 2, within=max(scene.patience, 2 * self.delay)
        )


class _Arrival:
    """The server's sockets until the FIN has come to them, and which it came to before the delay was over."""

    def __init__(self, scene: Scene, there: frozenset[Socket], *, before: float) -> None:
        """`before`: until when, seconds monotonic, no FIN that is held back can have come."""
        self.too_soon: frozenset[Socket] = frozenset()
        self._scene = scene
        self._there = there
        self._before = before

    async def of(self, count: int, *, within: float) -> frozenset[Socket]:
        """The server's sockets once the FIN has come to so many, or `within` seconds are over."""
        return await poll_until(self._look, lambda now: len(self._there - now) >= count, within=within)

    async def _look(self) -> frozenset[Socket]:
        now = await established(self._scene)
        if time.monotonic() < self._before:
            self.too_soon |= self._there - now
        return now


async def _ending(scene: Scene) -> float:
    """Seconds from the FIN of a connection through the link until the server's kernel has it; patience at most.

    Infinite where the connection itself does not get through in that time: then nobody knows. It begins a request and
    does not finish it: a server may keep a connection that ended before its first byte, and give a place to a request
    that is whole.
    """
    address = scene.the_link().address
    before = await established(scene)
    try:
        async with asyncio.timeout(scene.patience):
            _, writer = await asyncio.open_connection(
                address.host, address.port, **stream_options(scene.tls, within=scene.patience)
            )
    except (OSError, TimeoutError):
        return math.inf
    try:
        writer.write(_begun(scene))
        there = await poll_until(lambda: established(scene), lambda now: bool(now - before), within=scene.patience)
        began = time.monotonic()
    finally:
        end(writer)
    new = there - before
    if not new:
        return math.inf
    await poll_until(lambda: established(scene), lambda now: not new & now, within=scene.patience)
    return time.monotonic() - began


def _begun(scene: Scene) -> bytes:
    """An upgrade request without its empty line."""
    return upgrade_request(scene).encode().removesuffix(b"\r\n")
