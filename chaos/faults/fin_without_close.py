"""A client that ends TCP without a WebSocket close frame: FIN, and nothing before it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import states_evidence, states_once_ended, wires_of
from chaos.faults.victims import covering, gone_for_good
from chaos.journal import Healing, Receipt

__all__ = ["FinWithoutClose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FinWithoutClose(Fault):
    """Every victim closes its socket in good order for TCP, and without a word for WebSocket.

    This is what a browser tab that is closed, or an application that just exits, looks like from the server.
    """

    name: ClassVar[str] = "fin-without-close"
    family: ClassVar[str] = "client"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TCP_TRUE, Capability.SOCKET_PROBE})
    announced: ClassVar[bool] = True
    cannot: ClassVar[str] = "half a close, where the client still reads"

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        victims, agent, port = scene.the_victims(), scene.the_agent(), scene.server.port
        wires = await wires_of(victims, agent, port)
        since = time.monotonic()
        await victims.fin()
        states = await states_once_ended(agent, port, wires, within=scene.patience)
        covered = sum(state != "ESTABLISHED" for state in states.values())
        yield covering(
            self.name,
            since=since,
            covered=covered,
            total=victims.size,
            evidence=(states_evidence(wires, states),),
        )
        yield await gone_for_good(self.name, agent, port, wires)
