"""A reset by something on the way: a firewall that has lost its state, a load balancer that restarts."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.agent.types import TO_REMOTE
from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import peer_states, poll_until, states_evidence, wires_of
from chaos.faults.rules import no_rules_left, packets_of, say_something
from chaos.faults.victims import both_ends, clients_reset, covering, gone_for_good
from chaos.journal import Healing, HealingState, Receipt

__all__ = ["InjectedReset"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectedReset(Fault):
    """The next packet of the server on every victim's connection is answered with RST in the client's name.

    The client, who has done nothing, learns it when it sends again what the server never acknowledged: there is no such
    connection any more, so the server's kernel answers with RST as well. That takes the kernel 0.2 s.
    """

    name: ClassVar[str] = "injected-reset"
    family: ClassVar[str] = "kernel"
    needs: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.TCP_TRUE, Capability.SOCKET_PROBE, Capability.INJECTED_RESETS}
    )
    announced: ClassVar[bool] = True
    forgotten: ClassVar[bool] = True
    cannot: ClassVar[str] = "a forged RST beside the packets, which arrive all the same"

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        victims, agent, port = scene.the_victims(), scene.the_agent(), scene.server.port
        wires = await wires_of(victims, agent, port)
        since = time.monotonic()
        rules = await agent.reset_many([(wire.server, wire.peer) for wire in wires], direction=TO_REMOTE)
        try:
            # So that the server has an answer to send, or its kernel an acknowledgement.
            await say_something(victims)
            states = await poll_until(
                lambda: peer_states(agent, port, wires),
                lambda found: set(found.values()) <= {"gone"},
                within=scene.patience,
            )
            refused = await agent.rule_counters_many(rules)
        finally:
            await agent.uncut_many(rules)
        reset = await clients_reset(victims, within=scene.patience)
        covered = sum(
            counter.packets > 0 and states[wire.client] == "gone" and wire.client in reset
            for counter, wire in zip(refused, wires, strict=True)
        )
        yield covering(
            self.name,
            since=since,
            covered=covered,
            total=victims.size,
            evidence=(
                states_evidence(wires, states),
                packets_of(refused, "refused with RST"),
                *both_ends(wires, states, reset),
            ),
        )
        ends = await gone_for_good(self.name, agent, port, wires)
        gone, seen = await no_rules_left(agent, rules, of=len(rules))
        yield Healing(
            at=ends.at,
            fault=self.name,
            state=ends.state if gone else HealingState.FAILED,
            since=ends.since,
            evidence=(seen, *ends.evidence),
        )
