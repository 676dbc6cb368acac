"""What faults that set kernel rules say of them: what they did to packets, and that these pass again."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chaos.agent.async_client import AsyncAgent
from chaos.agent.types import RuleCounters, SocketInfo
from chaos.crowd.exchange import NUMBER
from chaos.crowd.handle import CrowdHandle
from chaos.crowd.plan import SocketState
from chaos.errors import FaultError
from chaos.faults.base import Scene
from chaos.faults.evidence import Wire, peer_sockets, poll_until
from chaos.faults.legs import Leg
from chaos.journal import Evidence, Healing, HealingState

__all__ = ["Queues", "no_rules_left", "packets_of", "passes_again", "queues_of", "say_something"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Queues:
    """What each end of the victims' connections has sent without an acknowledgement, by client."""

    server: Mapping[int, SocketInfo]
    """Of those that the server's kernel still holds, as they were."""
    clients: Mapping[int, SocketState]

    def unacknowledged(self, client: int) -> tuple[int, int]:
        """Bytes of the client and of the server that wait for their acknowledgement; 0 where the end is gone."""
        theirs, ours = self.clients.get(client), self.server.get(client)
        return theirs.send_queue if theirs is not None else 0, ours.wqueue if ours is not None else 0

    def held(self, client: int) -> bool:
        """Whether the server's connection is still the one it was."""
        return client in self.server


async def queues_of(scene: Scene, wires: Sequence[Wire]) -> Queues:
    """A reading at both kernels; of a proxy's connections at the server's alone, for the clients' go no further than
    the proxy."""
    found = await peer_sockets(scene.the_agent(), scene.server.port, wires)
    return Queues(
        server={
            wire.client: found[wire.client]
            for wire in wires
            if wire.client in found
            and (found[wire.client].state, found[wire.client].inode) == ("ESTABLISHED", wire.inode)
        },
        clients={} if any(isinstance(wire, Leg) for wire in wires) else await scene.the_victims().socket_states(),
    )


async def say_something(victims: CrowdHandle) -> None:
    """Let every victim send a message that awaits no answer. Raises FaultError where the plan has none."""
    if victims.plan.send is None:
        raise FaultError(
            f"the clients of {victims.name!r} say nothing: this fault needs those of an endpoint with send"
        )
    await victims.send(victims.plan.send.replace(NUMBER, "0"))


def packets_of(counters: Sequence[RuleCounters], what: str) -> Evidence:
    """How many packets the rules dropped or refused, by the end they were for."""
    to_server = sum(counter.to_local for counter in counters)
    to_clients = sum(counter.to_remote for counter in counters)
    return Evidence(
        what=f"packets {what}",
        side="server kernel",
        before="0",
        during=f"{to_server} to the server, {to_clients} to the clients",
    )


async def no_rules_left(agent: AsyncAgent, rules: Iterable[int], *, of: int) -> tuple[bool, Evidence]:
    """Whether none of these rules is in force any more, and the reading."""
    left = {rule.rule for rule in await agent.rules()} & set(rules)
    return not left, Evidence(what="rules in force", side="server kernel", before=str(of), during=str(len(left)))


async def passes_again(
    fault: str, scene: Scene, wires: Sequence[Wire], rules: Sequence[int], *, lasted: float, since: float
) -> Healing:
    """The healing of a fault whose victims stay: whatever either end had to send again has been acknowledged.

    Only of those whom the server still holds: one that it gave up in the meantime has nothing to resume. The kernel
    tries again after twice the time each time, so that what waits is sent at most `lasted` seconds after the healing.
    """

    resumed: set[int] = set()

    def waiting(found: Queues) -> list[int]:
        # Each at a moment of its own: an acknowledgement takes 40 ms, and somebody is always waiting for one.
        resumed.update(wire.client for wire in wires if not any(found.unacknowledged(wire.client)))
        return [wire.client for wire in wires if found.held(wire.client) and wire.client not in resumed]

    queues = await poll_until(
        lambda: queues_of(scene, wires), lambda found: not waiting(found), within=scene.patience + lasted
    )
    gone, seen = await no_rules_left(scene.the_agent(), rules, of=len(rules))
    stuck, held = waiting(queues), len(queues.server)
    return Healing(
        at=time.monotonic(),
        fault=fault,
        state=HealingState.HEALED if gone and not stuck else HealingState.FAILED,
        since=since,
        evidence=(
            seen,
            Evidence(
                what="connections that resumed",
                side="server kernel" if any(isinstance(wire, Leg) for wire in wires) else "both kernels",
                before=str(len(wires)),
                during=f"{held - len(stuck)}, {len(stuck)} did not, {len(wires) - held} had been ended",
            ),
            *(
                Evidence(
                    what="bytes unacknowledged of the client and of the server",
                    side="both kernels",
                    during="{} and {}".format(*queues.unacknowledged(client)),
                    connection=f"client {client}",
                )
                for client in stuck
            ),
        ),
    )
