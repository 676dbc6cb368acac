"""A burst: everybody connects in the same instant."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.crowd.plan import Mode
from chaos.faults.base import Fault, Scene
from chaos.faults.victims import taken_out
from chaos.journal import Attempt, Bite, Evidence, Healing, Receipt
from chaos.units import format_duration

__all__ = ["ConnectionBurst", "peak"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionBurst(Fault):
    """All victims begin to connect in one turn of the loop; who gets in stays until the fault heals.

    It cannot simulate a burst from many addresses: the server sees one.
    """

    name: ClassVar[str] = "burst"
    family: ClassVar[str] = "crowd"
    needs: ClassVar[frozenset[Capability]] = frozenset()
    waits: ClassVar[int] = 4
    """The name's look-up, and the three phases of an attempt."""
    cannot: ClassVar[str] = "many source addresses"

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        victims = scene.the_victims()
        since = time.monotonic()
        try:
            attempts = await victims.connect(Mode.SIMULTANEOUS)
            together = peak(attempts)
            begun = max(attempt.began for attempt in attempts) - min(attempt.began for attempt in attempts)
            yield Receipt(
                at=time.monotonic(),
                fault=self.name,
                # Half: a server that answers within a millisecond has turned the first away before the last has begun.
                bite=Bite.BIT if together >= victims.size / 2 else Bite.DID_NOT_BITE,
                covered=0,
                total=0,
                since=since,
                evidence=(
                    Evidence(
                        what="attempts under way at once",
                        side="client",
                        before="0",
                        during=f"{together} of {len(attempts)}, begun within {format_duration(begun)}",
                    ),
                ),
            )
        finally:
            healed_at, inside = time.monotonic(), await victims.open_count()
            await victims.close()
        left = await victims.open_count()
        yield taken_out(self.name, since=healed_at, connected=inside, left=left)


def peak(attempts: list[Attempt]) -> int:
    """The most attempts that were under way at one time."""
    edges = sorted(
        [(attempt.began, 1) for attempt in attempts] + [(attempt.at, -1) for attempt in attempts],
        key=lambda edge: (edge[0], -edge[1]),
    )
    under_way = most = 0
    for _, change in edges:
        under_way += change
        most = max(most, under_way)
    return most
