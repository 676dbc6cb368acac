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
from chaos.faults.evidence import POLL, poll_until
from chaos.faults.victims import covering
from chaos.journal import Evidence, Healing, HealingState, Receipt
from chaos.links.toxics import SlowCloseToxic, Stream
from chaos.units import format_duration

__all__ = ["SlowClose"]

_PASSED_ON_WITHIN = 0.05
"""Seconds after which a FIN that is not held back has reached the server: within 12 ms (measured through either proxy,
200 times on two cores under a load of 3.6)."""

_LEAST = 2 * _PASSED_ON_WITHIN
"""Seconds of the shortest delay that can be told from none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowClose(Fault):
    """The clients end their direction, and the link passes their FIN on `delay` seconds late.

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
        toxic = await link.add(SlowCloseToxic(delay=self.delay), stream=Stream.UPSTREAM)
        try:
            left = time.monotonic()
            ending = await victims.half_close()
            early, looked = await self._last_look_before_the_end(scene, held)
            since = time.monotonic()
            late = await poll_until(
                lambda: established(scene),
                lambda now: len((held & early) - now) >= len(ending),
                within=scene.patience,
            )
            kept = max(0, len(ending) - len(held - early))
            yield covering(
                self.name,
                since=since,
                covered=min(kept, len((held & early) - late)),
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

    async def _last_look_before_the_end(self, scene: Scene, held: frozenset[Socket]) -> tuple[frozenset[Socket], float]:
        """The server's sockets before the first FIN came to it, and when that look began: then the fault acts.

        One that is not held back has come by `_PASSED_ON_WITHIN`, so a look later than that shows that it is. Of all
        those the last counts, and a hitch has to outlast what is left of the delay to take them all.
        """
        await asyncio.sleep(_PASSED_ON_WITHIN)
        began = time.monotonic()
        last = first = (await established(scene), began)
        while time.monotonic() < began + self.delay + scene.patience:
            looked = time.monotonic()
            now = await established(scene)
            if len((first[0] & held) - now) > 0:
                break
            last = (now, looked)
            await asyncio.sleep(POLL)
        return last

    async def _once_prompt(self, scene: Scene) -> float:
        """Seconds that the FIN of a new connection takes, when that is less than half the delay or patience is over."""
        return await poll_until(
            lambda: _ending(scene), lambda took: took < self.delay / 2, within=max(scene.patience, 2 * self.delay)
        )


async def _ending(scene: Scene) -> float:
    """Seconds from the FIN of a connection through the link until the server's kernel has it; patience at most.

    Infinite where the connection itself does not get through in that time: then nobody knows.
    """
    address = scene.the_link().address
    before = await established(scene)
    try:
        async with asyncio.timeout(scene.patience):
            _, writer = await asyncio.open_connection(address.host, address.port)
    except (OSError, TimeoutError):
        return math.inf
    there = await poll_until(lambda: established(scene), lambda now: bool(now - before), within=scene.patience)
    began = time.monotonic()
    writer.close()
    new = there - before
    if not new:
        return math.inf
    await poll_until(lambda: established(scene), lambda now: not new & now, within=scene.patience)
    return time.monotonic() - began
