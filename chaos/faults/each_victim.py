"""What a fault on the link does to each victim that is connected through it, by pings of the victim's own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chaos.crowd.pinging import Pings
from chaos.crowd.plan import ClientState
from chaos.faults.base import Scene
from chaos.journal import Bite, Entrance, Evidence, Receipt
from chaos.units import format_duration

__all__ = ["EachVictim"]


SEVERAL = 5
"""Times what pings take at least, for which they are waited for: a jitter of 20 to 100 ms takes that at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EachVictim:
    """The victims that are connected, and how long their pings took before a fault."""

    scene: Scene
    pings: Pings
    before: Mapping[int, float]
    """Client to seconds; none where the victims are still to come, or came without the link."""

    @classmethod
    async def of(cls, scene: Scene, pings: Pings) -> EachVictim:
        """Ask those who came through the link now: to others it does nothing."""
        victims = scene.victims
        meant = victims is not None and victims.plan.address == scene.the_link().address
        before = await scene.the_victims().round_trips(pings, within=scene.patience) if meant else {}
        return cls(scene=scene, pings=pings, before=before)

    async def receipt(
        self,
        fault: str,
        *,
        bit: bool,
        since: float,
        evidence: tuple[Evidence, ...],
        at_least: float,
        enters_after: float = 0.0,
        show: Callable[[float], str] = format_duration,
    ) -> Receipt:
        """Ask them again. The fault has bitten where it `bit` on its own connection, and the pings of each victim take
        `at_least` so many seconds now: that the path was not as slow by itself its own connection has shown.

        Who is not answered for several times as long is as slow as that: what is on its way already, a feed for one,
        may take more than anybody waits for. Whom the server has ended meanwhile is not meant. Who comes later has its
        101 `enters_after` so many seconds at least; 0.0: that shows nothing.
        """
        each_waits = at_least * (1 if self.pings.together > 1 else self.pings.count)
        within = min(self.scene.patience, SEVERAL * each_waits)
        during: Mapping[int, float] = {}
        there: list[int] = []
        if self.before:
            victims = self.scene.the_victims().subset(self.before)
            during = await victims.round_trips(self.pings, within=within)
            states = await victims.states()
            there = [client for client in self.before if client in during or states[client] is ClientState.OPEN]
        covered = sum(during.get(client, within) >= at_least for client in there)
        now = time.monotonic()
        return Receipt(
            at=now,
            fault=fault,
            bite=Bite.BIT if bit and covered == len(there) else Bite.DID_NOT_BITE,
            covered=covered,
            total=len(there),
            since=since,
            entrance=Entrance(address=str(self.scene.the_link().address), since=now, at_least=enters_after)
            if enters_after
            else None,
            evidence=(
                *evidence,
                *(
                    Evidence(
                        what="its own round trip",
                        side="client",
                        before=show(self.before[client]),
                        during=show(during[client])
                        if client in during
                        else f"not answered in {format_duration(within)}",
                        connection=f"client {client}",
                    )
                    for client in there
                ),
            ),
        )
