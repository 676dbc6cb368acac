"""A client that answers every ping, and each one later than the one before, until all its answers come too late."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.crowd.plan import PutOff
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import peer_states, poll_until, states_evidence, wires_of
from chaos.faults.victims import covering, taken_out_by_reset
from chaos.journal import Evidence, Healing, Receipt
from chaos.units import format_duration

__all__ = ["LatePongs"]

GROWTH = 0.4
"""By which share of the timeout each pong is later than the one before: the first two come in time, by a fifth of it at
least, and the third is as much too late."""

PINGS = 3
"""The first that is not answered in time, counted from the beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatePongs(Fault):
    """Every victim answers each ping later than the one before; it has died with the first that it answers too late.

    This is an application that falls behind, or a queue before it that fills: pongs keep coming, one in each interval,
    and every one answers an older ping. Who counts them, or the time since the last of them, sees a peer that
    lives.
    """

    timeout: float = 0.8
    """Seconds from a ping to giving its peer up, as the server promises."""
    interval: float = 0.5
    """Seconds between two pings, as the server promises."""

    name: ClassVar[str] = "late-pongs"
    family: ClassVar[str] = "client"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TCP_TRUE, Capability.SOCKET_PROBE})
    cannot: ClassVar[str] = "a peer that is as late with everything else: its kernel acknowledges at once"

    def __post_init__(self) -> None:
        for name in ("timeout", "interval"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is seconds, above 0; found {getattr(self, name)!r}")

    @property
    def _pinged_within(self) -> float:
        """Seconds in which so many pings come, and one more that may just have gone out; and as long again."""
        return 2 * (PINGS + 1) * self.interval

    def within(self, patience: float) -> float:
        """Seconds after which injecting hangs: it waits for as many pings as it takes to be late."""
        return super(LatePongs, self).within(patience) + self._pinged_within

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        victims, agent, port = scene.the_victims(), scene.the_agent(), scene.server.port
        wires = await wires_of(victims, agent, port)
        since = time.monotonic()
        try:
            step = GROWTH * self.timeout
            await victims.grow_pong_delay(step=step, most=PINGS * step)
            put_off = await poll_until(
                victims.pongs_put_off,
                lambda found: all(self._too_late(found).get(wire.client) for wire in wires),
                within=self._pinged_within,
            )
            # A server may take whatever it hears for a sign of life; from now on their pongs are all that it hears.
            await victims.mute_keep_alive()
            states = await peer_states(agent, port, wires)
            late = self._too_late(put_off)
            yield covering(
                self.name,
                # The last of them was in time until then.
                since=max(late.values(), default=since),
                covered=sum(wire.client in late for wire in wires),
                total=victims.size,
                evidence=(
                    Evidence(
                        what="clients with a ping that they will answer too late",
                        side="client",
                        before="0",
                        during=f"{len(late)} of {victims.size}, by {_delays(put_off)}",
                    ),
                    states_evidence(wires, states),
                ),
            )
        finally:
            healing = await taken_out_by_reset(self.name, victims)
        yield healing

    def _too_late(self, put_off: Mapping[int, list[PutOff]]) -> dict[int, float]:
        """When the first ping came to each client that it answers too late; those that have had none are left out."""
        return {
            client: next(ping.pinged_at for ping in pings if ping.delay > self.timeout)
            for client, pings in put_off.items()
            if any(ping.delay > self.timeout for ping in pings)
        }


def _delays(put_off: Mapping[int, list[PutOff]]) -> str:
    """The delays of the client that has had the most pings: all have the same, one after the other."""
    most = max(put_off.values(), key=len, default=[])
    return ", then ".join(dict.fromkeys(format_duration(ping.delay) for ping in most)) or "nothing"
