"""A client whose process is killed: its kernel closes what it held."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import peer_states, poll_until, states_evidence, wires_of
from chaos.journal import Bite, Evidence, Healing, HealingState, Receipt

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
        states = await poll_until(
            lambda: peer_states(agent, port, wires),
            lambda found: "ESTABLISHED" not in found.values(),
            within=scene.patience,
        )
        covered = sum(state != "ESTABLISHED" for state in states.values())
        yield Receipt(
            at=time.monotonic(),
            fault=self.name,
            bite=Bite.BIT if covered == size else Bite.DID_NOT_BITE,
            covered=covered,
            total=size,
            since=since,
            evidence=(
                states_evidence(wires, states),
                Evidence(
                    what="the clients' process", side="client", before="alive", during=f"ended by signal {-exit_code}"
                ),
            ),
        )
        now = time.monotonic()
        # The process is gone for good; there is nothing left that acts.
        yield Healing(at=now, fault=self.name, state=HealingState.HEALED, since=now)
