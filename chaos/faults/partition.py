"""A network that lets nothing through for a while, in one direction or in both: a route that flaps, a cable, a lift."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.agent.types import BOTH, TO_LOCAL, TO_REMOTE, RuleCounters
from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import poll_until, wires_of
from chaos.faults.rules import Queues, packets_of, passes_again, queues_of, say_something
from chaos.faults.victims import covering
from chaos.journal import Evidence, Healing, Receipt

__all__ = ["Partition", "PartitionToClient", "PartitionToServer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition(Fault):
    """The kernel drops both directions of each victim's connection; both ends live, and go on when it is over.

    Until then neither is told: TCP sends again what is not acknowledged, later and later.
    """

    name: ClassVar[str] = "partition"
    family: ClassVar[str] = "kernel"
    needs: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.TCP_TRUE, Capability.SOCKET_PROBE, Capability.KERNEL_RULES}
    )
    cannot: ClassVar[str] = "a partition that new connections meet as well"
    direction: ClassVar[str] = BOTH
    """Which packets are dropped, as the server's end sees it."""

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        victims, agent, port = scene.the_victims(), scene.the_agent(), scene.server.port
        wires = await wires_of(victims, agent, port)
        since = time.monotonic()
        rules = await agent.cut_many([(wire.server, wire.peer) for wire in wires], direction=self.direction)
        try:
            await say_something(victims)

            async def look() -> tuple[list[RuleCounters], Queues]:
                return await agent.rule_counters_many(rules), await queues_of(scene, wires)

            def suffering(found: tuple[list[RuleCounters], Queues]) -> list[bool]:
                # Whichever direction is cut, the client hears of no acknowledgement for what it said.
                counters, queues = found
                return [
                    counter.packets > 0 and queues.held(wire.client) and queues.unacknowledged(wire.client)[0] > 0
                    for counter, wire in zip(counters, wires, strict=True)
                ]

            found = await poll_until(look, lambda found: all(suffering(found)), within=scene.patience)
            dropped, queues = found
            yield covering(
                self.name,
                since=since,
                covered=sum(suffering(found)),
                total=victims.size,
                evidence=(
                    packets_of(dropped, "dropped"),
                    *(
                        Evidence(
                            what="packets dropped to the server and to the client, bytes unacknowledged of each",
                            side="both kernels",
                            before="0 and 0, 0 and 0",
                            during=f"{counter.to_local} and {counter.to_remote}, {of_server} and {of_client}",
                            connection=wire.words,
                        )
                        for counter, wire in zip(dropped, wires, strict=True)
                        for of_client, of_server in [queues.unacknowledged(wire.client)]
                    ),
                ),
            )
        finally:
            healed_at = time.monotonic()
            await agent.uncut_many(rules)
        yield await passes_again(self.name, scene, wires, rules, lasted=healed_at - since, since=healed_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionToServer(Partition):
    """What the victims send is dropped, acknowledgements too; what the server sends arrives.

    The server's pings are answered, and the answers do not reach it: to it these clients are dead.
    """

    name: ClassVar[str] = "partition-to-server"
    direction: ClassVar[str] = TO_LOCAL


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionToClient(Partition):
    """What the server sends is dropped, acknowledgements too; what the victims send arrives.

    The server's pings do not reach them, and it hears from them all the same: only a pong shows that it is heard.
    """

    name: ClassVar[str] = "partition-to-client"
    direction: ClassVar[str] = TO_REMOTE
