"""The server's socket is killed under it: what `ss -K`, a firewall's clean-up or a node that drains does."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import peer_states, poll_until, states_evidence, wires_of
from chaos.faults.victims import both_ends, clients_reset, covering, gone_for_good
from chaos.journal import Healing, Receipt

__all__ = ["SocketKilled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketKilled(Fault):
    """The kernel closes the server's end of every victim's connection by SOCK_DESTROY, and tells the client by RST.

    The server learns it as ECONNABORTED from its next call on the socket: an error that it meets nowhere else.
    """

    name: ClassVar[str] = "socket-killed"
    family: ClassVar[str] = "kernel"
    needs: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.TCP_TRUE, Capability.SOCKET_PROBE, Capability.SOCKET_KILL}
    )
    announced: ClassVar[bool] = True
    forgotten: ClassVar[bool] = True
    cannot: ClassVar[str] = "a file descriptor that is closed under the server, which then is another connection's"

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        victims, agent, port = scene.the_victims(), scene.the_agent(), scene.server.port
        wires = await wires_of(victims, agent, port)
        since = time.monotonic()
        killed = await agent.kill_sockets([(wire.server, wire.peer) for wire in wires])
        states = await poll_until(
            lambda: peer_states(agent, port, wires),
            lambda found: set(found.values()) <= {"gone"},
            within=scene.patience,
        )
        # The client's RST is on its way when the server's socket is gone: 0.1 ms on loopback.
        reset = await clients_reset(victims, within=scene.patience)
        covered = sum(
            hit and states[wire.client] == "gone" and wire.client in reset
            for hit, wire in zip(killed, wires, strict=True)
        )
        yield covering(
            self.name,
            since=since,
            covered=covered,
            total=victims.size,
            evidence=(states_evidence(wires, states), *both_ends(wires, states, reset)),
        )
        yield await gone_for_good(self.name, agent, port, wires)
