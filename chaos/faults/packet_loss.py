"""A network that loses a share of the packets: a bad radio link, a router that is full."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.agent.types import RuleCounters
from chaos.capability import Capability
from chaos.crowd.handle import CrowdHandle
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import Wire, wires_of
from chaos.faults.rules import packets_of, passes_again
from chaos.faults.victims import covering
from chaos.journal import Evidence, Healing, Receipt

__all__ = ["PacketLoss"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketLoss(Fault):
    """The kernel drops a share of the packets of each victim's connection, in both directions, each drawn by itself.

    TCP sends them again, 0.2 s later where nothing follows them: all a server may notice is that.
    """

    ratio: float = 0.01
    """The share, above 0 and at most 1. One in a hundred: of a heartbeat's hundred packets hardly one is lost twice,
    which would take 0.6 s and be another fault."""

    name: ClassVar[str] = "packet-loss"
    family: ClassVar[str] = "kernel"
    needs: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.TCP_TRUE, Capability.SOCKET_PROBE, Capability.PACKET_LOSS}
    )
    cannot: ClassVar[str] = "losses in bursts, and handshakes of TCP that are lost"

    def __post_init__(self) -> None:
        if not 0 < self.ratio <= 1:
            raise ValueError(f"ratio is a share of the packets above 0, at most 1; found {self.ratio}")

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        victims, agent = scene.the_victims(), scene.the_agent()
        wires = await self._wires(scene)
        again = (await agent.counters())["RetransSegs"]
        since = time.monotonic()
        rules = await agent.lose_many([(wire.server, wire.peer) for wire in wires], ratio=self.ratio)
        try:
            # An exchange is three packets, one of them an acknowledgement: so many lose one on the average. Ten at a
            # time at most, so that a round is short where the server is slow.
            exchanges = min(10, max(1, round(1 / (3 * self.ratio))))
            # Everybody begins with them: what is lost at once may be a late acknowledgement, which nobody misses.
            spared, dropped = [wire.client for wire in wires], list[RuleCounters]()
            while spared and time.monotonic() < since + 2 * scene.patience:
                await self._talk(victims, spared, exchanges)
                dropped = await agent.rule_counters_many(rules)
                spared = [wire.client for wire, counter in zip(wires, dropped, strict=True) if not counter.packets]
            again = (await agent.counters())["RetransSegs"] - again
            yield covering(
                self.name,
                since=since,
                covered=len(wires) - len(spared),
                total=max(victims.size, len(wires)),
                evidence=(
                    packets_of(dropped, "dropped"),
                    Evidence(
                        what="segments sent again (RetransSegs)", side="server kernel", before="0", during=str(again)
                    ),
                    *(
                        Evidence(
                            what="packets dropped",
                            side="server kernel",
                            before="0",
                            during=str(counter.packets),
                            connection=wire.words,
                        )
                        for counter, wire in zip(dropped, wires, strict=True)
                    ),
                ),
            )
        finally:
            healed_at = time.monotonic()
            await agent.uncut_many(rules)
        yield await passes_again(self.name, scene, wires, rules, lasted=healed_at - since, since=healed_at)

    async def _wires(self, scene: Scene) -> list[Wire]:
        """The connections that lose packets."""
        return await wires_of(scene.the_victims(), scene.the_agent(), scene.server.port)

    async def _talk(self, victims: CrowdHandle, spared: list[int], exchanges: int) -> None:
        """Have those talk whose connections are to lose something and have not yet."""
        await victims.subset(spared).exchange(exchanges)
