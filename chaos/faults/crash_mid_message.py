"""A client that ends between two fragments of a message: the first one, then FIN and no close frame."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import states_evidence, states_once_ended, wires_of
from chaos.faults.unfinished import read_by_server, read_evidence
from chaos.faults.victims import covering, gone_for_good
from chaos.journal import Healing, Receipt

__all__ = ["CrashMidMessage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashMidMessage(Fault):
    """Every victim sends the first fragment of a message, and closes its socket once that is read.

    Each frame is whole, so the parser waits for nothing: it is the message that the server keeps a beginning of.
    """

    name: ClassVar[str] = "crash-mid-message"
    family: ClassVar[str] = "client"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TCP_TRUE, Capability.SOCKET_PROBE})
    announced: ClassVar[bool] = True
    cannot: ClassVar[str] = "a message of many fragments; one is there"

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        victims, agent, port = scene.the_victims(), scene.the_agent(), scene.server.port
        wires = await wires_of(victims, agent, port)
        begun = set(await victims.begin_message())
        read = begun & await read_by_server(scene, wires)
        since = time.monotonic()
        await victims.fin()
        states = await states_once_ended(agent, port, wires, within=scene.patience)
        covered = sum(states[wire.client] != "ESTABLISHED" and wire.client in read for wire in wires)
        yield covering(
            self.name,
            since=since,
            covered=covered,
            total=victims.size,
            evidence=(
                states_evidence(wires, states),
                read_evidence("the first fragment of a message", read=len(read), total=victims.size),
            ),
        )
        yield await gone_for_good(self.name, agent, port, wires)
