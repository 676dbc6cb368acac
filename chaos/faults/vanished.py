"""A client that vanishes without a trace: power loss, a closed laptop lid, a radio dead spot."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import peer_states, poll_until, states_evidence, wires_of
from chaos.faults.rules import no_rules_left
from chaos.faults.victims import covering
from chaos.journal import Evidence, Healing, HealingState, Receipt

__all__ = ["Vanished"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vanished(Fault):
    """The kernel drops both directions of each victim's connection, then the victim closes: its FIN never arrives.

    The server's kernel gets no FIN, no RST, no acknowledgement: TCP itself cannot tell this peer from a slow one.
    Only these connections are cut; the same host can connect anew, which a machine without power could not.
    """

    name: ClassVar[str] = "vanished"
    family: ClassVar[str] = "kernel"
    needs: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.TCP_TRUE, Capability.SOCKET_PROBE, Capability.KERNEL_RULES}
    )
    cannot: ClassVar[str] = "an ICMP 'host unreachable' from the last router"

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        victims, agent, port = scene.the_victims(), scene.the_agent(), scene.server.port
        wires = await wires_of(victims, agent, port)
        since = time.monotonic()
        rules = await agent.cut_many([(wire.server, wire.peer) for wire in wires])
        try:
            await victims.drop()
            # The FIN of each client is the first packet its rule drops: 1 ms on loopback.
            dropped = await poll_until(
                lambda: agent.rule_counters_many(rules),
                lambda found: all(counter.packets > 0 for counter in found),
                within=scene.patience,
            )
            states = await peer_states(agent, port, wires)
            covered = sum(
                counter.packets > 0 and states[wire.client] == "ESTABLISHED"
                for counter, wire in zip(dropped, wires, strict=True)
            )
            yield covering(
                self.name,
                since=since,
                covered=covered,
                total=victims.size,
                evidence=(
                    states_evidence(wires, states),
                    Evidence(
                        what="packets dropped",
                        side="server kernel",
                        before="0",
                        during=str(sum(counter.packets for counter in dropped)),
                    ),
                    *(
                        Evidence(
                            what="packets dropped, and the server's socket",
                            side="server kernel",
                            before="0, ESTABLISHED",
                            during=f"{counter.packets}, {states[wire.client]}",
                            connection=wire.words,
                        )
                        for counter, wire in zip(dropped, wires, strict=True)
                    ),
                ),
            )
        finally:
            healed_at = time.monotonic()
            await agent.uncut_many(rules)
        gone, seen = await no_rules_left(agent, rules, of=len(rules))
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=HealingState.HEALED if gone else HealingState.FAILED,
            since=healed_at,
            evidence=(seen,),
        )
