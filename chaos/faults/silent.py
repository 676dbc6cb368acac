"""A client that is there and says nothing: its kernel acknowledges, its application never answers a ping."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.crowd.plan import ClientState
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import peer_states, states_evidence, wires_of
from chaos.faults.victims import covering, taken_out_by_reset
from chaos.journal import Evidence, Healing, Receipt

__all__ = ["SilentClient"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentClient(Fault):
    """Every victim reads what arrives and writes nothing at all: no pong, no message, no close frame.

    This is a hung application on a healthy machine. TCP keepalive is answered, so it cannot find it.
    """

    name: ClassVar[str] = "silent"
    family: ClassVar[str] = "client"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TCP_TRUE, Capability.SOCKET_PROBE})
    cannot: ClassVar[str] = "a hung kernel, which would not acknowledge either (see Vanished)"

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        victims, agent, port = scene.the_victims(), scene.the_agent(), scene.server.port
        wires = await wires_of(victims, agent, port)
        since = time.monotonic()
        try:
            await victims.silence()
            states = await peer_states(agent, port, wires)
            silent = {client for client, state in (await victims.states()).items() if state is ClientState.SILENT}
            covered = sum(states[wire.client] == "ESTABLISHED" and wire.client in silent for wire in wires)
            yield covering(
                self.name,
                since=since,
                covered=covered,
                total=victims.size,
                evidence=(
                    states_evidence(wires, states),
                    Evidence(
                        what="clients that answer nothing",
                        side="client",
                        before="0",
                        during=f"{len(silent)} of {victims.size}",
                    ),
                ),
            )
        finally:
            healing = await taken_out_by_reset(self.name, victims)
        yield healing
