"""A client that closes its half of TCP without a close frame, and goes on reading."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import states_evidence, states_once_ended, wires_of
from chaos.faults.victims import covering, taken_out_by_reset
from chaos.journal import Evidence, Healing, Receipt

__all__ = ["HalfClose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfClose(Fault):
    """Every victim shuts down its sending side (SHUT_WR) and keeps its socket open for what the server may still send.

    A client that has closed both sides answers the next ping with RST, and the server's kernel ends the connection
    whatever the server does. Here pings are acknowledged: only the server itself can end it.
    """

    name: ClassVar[str] = "half-close"
    family: ClassVar[str] = "client"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TCP_TRUE, Capability.SOCKET_PROBE})
    announced: ClassVar[bool] = True
    cannot: ClassVar[str] = "a proxy on the way, which makes a full close of half a one"

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        victims, agent, port = scene.the_victims(), scene.the_agent(), scene.server.port
        wires = await wires_of(victims, agent, port)
        since = time.monotonic()
        try:
            closed = set(await victims.half_close())
            states = await states_once_ended(agent, port, wires, within=scene.patience)
            covered = sum(states[wire.client] != "ESTABLISHED" and wire.client in closed for wire in wires)
            yield covering(
                self.name,
                since=since,
                covered=covered,
                total=victims.size,
                evidence=(
                    states_evidence(wires, states),
                    Evidence(
                        what="clients that closed their sending side and read on",
                        side="client",
                        before="0",
                        during=f"{len(closed)} of {victims.size}",
                    ),
                ),
            )
        finally:
            # Whoever the server has not let go by now is waited for by nobody.
            healing = await taken_out_by_reset(self.name, victims)
        yield healing
