"""A server that is killed: SIGKILL, as the OOM killer or a lost machine ends it."""

from __future__ import annotations

import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import once_dead
from chaos.journal import Bite, Evidence, Healing, HealingState, Receipt

__all__ = ["ServerKilled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerKilled(Fault):
    """SIGKILL to all of the server's processes. Its kernel closes its sockets for it.

    It is healed when somebody, the scenario for one, has started the server again. It cannot simulate the loss of the
    machine: the clients get FIN or RST here, and silence there.
    """

    name: ClassVar[str] = "server-killed"
    family: ClassVar[str] = "server"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.SIGNALS, Capability.PROCESS_PROBE})
    cannot: ClassVar[str] = "the loss of the machine, which leaves the clients in silence"

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        agent, port = scene.the_agent(), scene.server.port
        since = time.monotonic()
        killed = await agent.signal(scene.server.root_pids, signal.SIGKILL, tree=True)
        dead = await once_dead(killed, within=scene.patience)
        yield Receipt(
            at=time.monotonic(),
            fault=self.name,
            bite=Bite.BIT if killed and dead == len(killed) else Bite.DID_NOT_BITE,
            covered=0,
            total=0,
            since=since,
            evidence=(
                Evidence(
                    what="the server's processes",
                    side="server kernel",
                    before=f"{len(killed)} alive",
                    during=f"{dead} dead",
                ),
            ),
        )
        healed_at = time.monotonic()
        listening = await agent.listen_pids(port)
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=HealingState.HEALED if listening else HealingState.GONE_WITH_THE_TARGET,
            since=healed_at,
            evidence=(
                Evidence(
                    what="processes that listen on the port",
                    side="server kernel",
                    before="0",
                    during=str(len(listening)),
                ),
            ),
        )
