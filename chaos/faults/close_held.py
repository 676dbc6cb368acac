"""A client that closes, has its answer, and keeps TCP: a close frame was sent, and nothing ends."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import peer_states, poll_until, states_evidence, wires_of
from chaos.faults.victims import covering, taken_out_by_reset
from chaos.journal import Evidence, Healing, Receipt

__all__ = ["CloseHeld"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseHeld(Fault):
    """Every victim sends a close frame, reads the server's, and never ends its half of TCP.

    Both close frames have come, so no heartbeat looks at it any more, and the server has to end TCP (RFC 6455, 7.1.1):
    its FIN is acknowledged by the victim's kernel and followed by none. Who waits for that one waits for ever.
    """

    name: ClassVar[str] = "close-held"
    family: ClassVar[str] = "client"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TCP_TRUE, Capability.SOCKET_PROBE})
    cannot: ClassVar[str] = "a peer that does not read either, so that the answer stays with the server"

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        victims, agent, port = scene.the_victims(), scene.the_agent(), scene.server.port
        wires = await wires_of(victims, agent, port)
        since = time.monotonic()
        try:
            closing = set(await victims.hold_on())
            told = await poll_until(
                victims.close_frames,
                lambda found: all(wire.client in found for wire in wires),
                within=scene.patience,
            )
            states = await peer_states(agent, port, wires)
            there = set(await victims.socket_states())
            yield covering(
                self.name,
                since=since,
                covered=sum(wire.client in closing & told.keys() & there for wire in wires),
                total=victims.size,
                evidence=(
                    Evidence(
                        what="clients that have closed, had the answer, and keep their socket",
                        side="client",
                        before="0",
                        during=f"{len(closing & told.keys() & there)} of {victims.size}",
                    ),
                    states_evidence(wires, states),
                ),
            )
        finally:
            healing = await taken_out_by_reset(self.name, victims)
        yield healing
