"""A connection of a fault's own through the link, by which it sees what it does to all of them.

Faults overlap: what a link does to this connection is what all the toxics on it do together. So a fault compares with
what there was before it, and in the end allows for what others have added since.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import TypeVar

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from chaos.agent.async_client import AsyncAgent
from chaos.dialects import dialect_named
from chaos.faults.base import Scene
from chaos.faults.evidence import poll_until
from chaos.links.toxics import BandwidthToxic, LatencyToxic, SlicerToxic, Toxic
from chaos.probes.conversation import open_connection
from chaos.units import format_duration

__all__ = ["PAYLOAD", "Others", "healed_as_before", "held_by_all", "left_on_the_link", "ping", "through_the_link"]

PAYLOAD = 125
"""Bytes of the longest ping there is (RFC 6455, 5.5)."""

_HELD = ("ESTABLISHED", "CLOSE_WAIT")
_ENDED_WITHIN = 0.05
"""Seconds after which a FIN has been passed on that nothing holds back: 0.012 at most of 200 (see `passing`)."""

_BESIDE_JITTER = 24
"""Round trips of which the least tells something where their delays are drawn anew each time: the least of 24 uniform
ones is in the lowest third of their range in all but 1 of 10,000."""

T = TypeVar("T")


@contextlib.asynccontextmanager
async def through_the_link(
    scene: Scene, connection: type[ClientConnection] = ClientConnection
) -> AsyncIterator[ClientConnection]:
    """A connection through the link for one measurement: one that stayed would idle, and be closed for it."""
    opened = await open_connection(
        scene.the_link().address,
        dialect_named(scene.dialect).request_path(scene.echo.path),
        within=scene.patience,
        headers=dict(scene.echo.headers),
        subprotocol=scene.echo.subprotocol,
        tls=scene.tls,
        connection=connection,
    )
    port = opened.local_address[1]
    try:
        yield opened
    finally:
        opened.transport.abort()
        if scene.agent is not None:
            await _once_gone(scene, scene.agent, port)


async def _once_gone(scene: Scene, agent: AsyncAgent, port: int) -> None:
    """Wait until the proxy has ended its side of a connection from this port, as far as the agent can see it.

    A fault that begins next counts sockets, and one that vanishes meanwhile would be taken for a victim's.
    """

    async def held() -> int:
        sockets = await agent.sockets(scene.the_link().address.port)
        return sum(found.side == "local" and found.remote[1] == port and found.state in _HELD for found in sockets)

    await poll_until(held, lambda left: left == 0, within=_ENDED_WITHIN)


async def ping(connection: ClientConnection, count: int, *, within: float, payload: bool = False) -> list[float]:
    """Seconds of so many pings and their pongs, one after the other, with a payload of their own or the longest.

    Raises TimeoutError when the server does not answer all of them within `within` seconds.
    """
    times: list[float] = []
    try:
        async with asyncio.timeout(within):
            for number in range(count):
                began = time.monotonic()
                await (await connection.ping(str(number).zfill(PAYLOAD) if payload else None))
                times.append(time.monotonic() - began)
    except TimeoutError:
        raise TimeoutError(f"{count} pings were not answered within {format_duration(within)}") from None
    return times


@dataclass(frozen=True, slots=True)
class Others:
    """The toxics that were on the link when a fault measured how things were."""

    names: frozenset[str]
    jitter: bool = False
    """Whether one of them delays each chunk by another time."""

    @classmethod
    async def on(cls, scene: Scene) -> Others:
        there = await scene.the_link().toxics()
        jitter = any(isinstance(handle.toxic, LatencyToxic) and handle.toxic.jitter for handle in there)
        return cls(frozenset(handle.name for handle in there), jitter)

    def exchanges(self, alone: int) -> int:
        """Round trips of one measurement that `alone` are enough for where nobody else is on the link."""
        return _BESIDE_JITTER if self.jitter else alone

    async def added(self, scene: Scene, own: Collection[str], *, size: int, trips: int = 1) -> float:
        """Seconds by which toxics that came since, and are none of the fault's own, may delay `size` bytes and their
        answer, in so many round trips; 0 where there are none."""
        return sum(
            _delay(handle.toxic, size, trips)
            for handle in await scene.the_link().toxics()
            if handle.name not in self.names and handle.name not in own
        )


async def held_by_all(scene: Scene, *, size: int, trips: int = 1) -> float:
    """Seconds by which all toxics on the link, one's own as well, may delay `size` bytes each way, in so many round
    trips."""
    return sum(_delay(handle.toxic, size, trips) for handle in await scene.the_link().toxics())


def _delay(toxic: Toxic, size: int, trips: int) -> float:
    match toxic:
        case LatencyToxic():
            return trips * (toxic.latency + toxic.jitter)
        case BandwidthToxic():
            return size / toxic.rate if toxic.rate else 0.0
        case SlicerToxic():
            # Toxiproxy halves until a piece is small enough, so pieces are half the size at least; one pause after each
            return math.ceil(2 * size / toxic.average_size) * toxic.delay
        case _:
            return 0.0


async def left_on_the_link(scene: Scene, own: Collection[str]) -> int:
    """How many of a fault's own toxics are on the link; those of others are no business of its healing."""
    return sum(handle.name in own for handle in await scene.the_link().toxics())


async def healed_as_before(
    scene: Scene,
    others: Others,
    own: Collection[str],
    *,
    size: int,
    trips: int = 1,
    look: Callable[[ClientConnection], Awaitable[T]],
    good: Callable[[T, float], bool],
    show: Callable[[T], str],
) -> tuple[bool, str]:
    """Whether the link is as it was before a fault, within the scene's patience, and the reading that shows it.

    `good` is given a reading, and the seconds that others may have added to `size` bytes in `trips` round trips. A
    server that does not answer any more is not the link's fault, nor this fault's to judge, and another fault may
    swallow what is said on it: then what the proxy says of the fault's own toxics has to do.
    """
    deadline = time.monotonic() + scene.patience
    try:
        async with through_the_link(scene) as connection:
            while True:
                found = await look(connection)
                added = await others.added(scene, own, size=size, trips=trips)
                if good(found, added) or time.monotonic() >= deadline:
                    allowed = f", of which other faults may add {format_duration(added)}" if added else ""
                    return good(found, added), f"{show(found)}{allowed}"
    except (OSError, TimeoutError, WebSocketException) as error:
        left = await left_on_the_link(scene, own)
        return not left, f"not measured ({type(error).__name__}: {error}); {left} of its toxics on the link"
