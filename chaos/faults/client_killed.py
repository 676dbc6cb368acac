"""A client whose process is killed: its kernel closes what it held."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import states_evidence, states_once_ended, wires_of
from chaos.faults.victims import covering, gone_for_good
from chaos.journal import Evidence, Healing, Receipt

__all__ = ["ClientKilled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientKilled(Fault):
    """SIGKILL to the process in which the victims, and nobody else, live.

    The kernel sends FIN for each socket, or RST where something had arrived that nobody will read any more.
    """

    name: ClassVar[str] = "client-killed"
    family: ClassVar[str] = "client"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TCP_TRUE, Capability.SOCKET_PROBE})
    announced: ClassVar[bool] = True
    kills_its_worker: ClassVar[bool] = True
    cannot: ClassVar[str] = "the loss of the whole machine, which sends nothing (see Vanished)"

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        victims, agent, port = scene.the_victims(), scene.the_agent(), scene.server.port
        wires = await wires_of(victims, agent, port)
        size = victims.size
        since = time.monotonic()
        exit_code = await victims.kill()
        states = await states_once_ended(agent, port, wires, within=scene.patience)
        covered = sum(state != "ESTABLISHED" for state in states.values())
        yield covering(
            self.name,
            since=since,
            covered=covered,
            total=size,
            evidence=(
                states_evidence(wires, states),
                Evidence(
                    what="the clients' process", side="client", before="alive", during=f"ended by signal {-exit_code}"
                ),
            ),
        )
        yield await gone_for_good(self.name, agent, port, wires)
