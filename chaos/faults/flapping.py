"""A link that goes down and comes back, again and again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.crowd.plan import ClientState
from chaos.faults.base import Fault, Scene
from chaos.faults.cut_off import Socket, cut_of, established, let_go
from chaos.faults.passing import passes_again
from chaos.faults.victims import covering
from chaos.journal import Evidence, Healing, HealingState, Outcome, Receipt
from chaos.links.toxics import LONGEST
from chaos.units import format_duration

__all__ = ["Flapping"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flapping(Fault):
    """The link goes down again and again (`times`, `down` seconds each); the clients come back as soon as it is up.

    Every time all of them are cut at once and all of them connect at once, while the server may still be busy with
    those of the time before.
    """

    times: int = 3
    down: float = 0.05
    """Seconds: shorter than a heartbeat, so that only the FIN tells the server."""

    name: ClassVar[str] = "flapping"
    family: ClassVar[str] = "network"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LINK})
    announced: ClassVar[bool] = True
    cannot: ClassVar[str] = "a route that flaps: connections would outlive that, and here each one is cut"

    def __post_init__(self) -> None:
        if isinstance(self.times, bool) or not isinstance(self.times, int) or self.times < 2:
            raise ValueError(f"times is a whole number from 2 on (once is proxy-down); found {self.times!r}")
        if not 0 <= self.down <= LONGEST:
            raise ValueError(f"down is from 0s to {format_duration(LONGEST)}; found {self.down!r}s")

    def within(self, patience: float) -> float:
        """As for every fault, for each time: until all are cut, at both ends, and until all are back."""
        return Fault.within(self, patience) + self.times * (self.down + 5 * patience)

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        link, victims = scene.the_link(), scene.the_victims()
        since = time.monotonic()
        evidence: list[Evidence] = []
        spared, there = 0, victims.size
        try:
            for number in range(1, self.times + 1):
                held = None if scene.agent is None else await established(scene)
                began = time.monotonic()
                await link.down()
                ended = [each for each in await victims.wait_ended(within=scene.patience) if each.at >= began]
                cut = cut_of(ended)
                told, in_kernel = await _told(scene, held, cut, number)
                spared += max(0, there - told)
                await asyncio.sleep(max(0.0, self.down - (time.monotonic() - began)))
                await link.up()
                gone = [client for client, state in (await victims.states()).items() if state is ClientState.CLOSED]
                attempts = await victims.subset(gone).connect()
                back = sum(attempt.outcome is Outcome.OPEN for attempt in attempts)
                # Who was turned away is the server's to answer for, and nobody that the next time could cut.
                there += back - len(ended)
                evidence += (
                    Evidence(
                        what=f"clients cut, and back, time {number}",
                        side="client",
                        before=f"{cut} cut",
                        during=f"{back} back",
                    ),
                    *in_kernel,
                )
            yield covering(
                self.name,
                since=since,
                covered=max(0, victims.size - spared),
                total=victims.size,
                evidence=evidence,
            )
        finally:
            await link.up()
        healed_at = time.monotonic()
        passes, request = await passes_again(scene, [])
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=HealingState.HEALED if passes else HealingState.FAILED,
            since=healed_at,
            evidence=(request,),
        )


async def _told(
    scene: Scene, held: frozenset[Socket] | None, cut: int, number: int
) -> tuple[int, tuple[Evidence, ...]]:
    """Of how many that were cut the server's kernel knows, and the reading; of all, where there is no agent to look."""
    if held is None:
        return cut, ()
    gone = await let_go(scene, held, cut)
    reading = Evidence(
        what=f"established sockets of the server, time {number}",
        side="server kernel",
        before=str(len(held)),
        during=str(len(held - gone)),
    )
    return min(cut, len(gone)), (reading,)
