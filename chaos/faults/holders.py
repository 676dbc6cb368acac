"""Which of the server's processes serves whom, by the kernel: a client's port to a socket to who holds it."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

from chaos.agent.async_client import AsyncAgent
from chaos.crowd.handle import CrowdHandle
from chaos.errors import FaultError
from chaos.faults.base import Scene
from chaos.faults.evidence import wires_of
from chaos.journal import Evidence, Healing, HealingState, Holders, ProcessLost

__all__ = ["OneOfSeveral", "holders_of", "one_of_several"]


async def holders_of(crowd: CrowdHandle, agent: AsyncAgent, port: int) -> Holders:
    """Read it for a crowd; only meaningful on a TCP-true path. Whose socket several processes hold counts for none."""
    wires = await wires_of(crowd, agent, port)
    serving = await agent.serving(port)
    held = {str(wire.client): pids[0] for wire in wires if len(pids := serving.held.get(wire.peer, ())) == 1}
    return Holders(at=time.monotonic(), crowd=crowd.name, serving=serving.pids, held=held, above=serving.above)


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOfSeveral:
    """A worker that something is done to, and what was there before."""

    pid: int
    before: Holders
    there: frozenset[int]
    """Pids of all of the server's processes."""

    @property
    def clients(self) -> tuple[int, ...]:
        """Those of the victims whom it served."""
        return tuple(int(client) for client, pid in self.before.held.items() if pid == self.pid)

    @property
    def told(self) -> str:
        """What it is, for a receipt."""
        workers, held = len(self.before.serving), len(self.before.held)
        return f"one of {workers} workers, with {len(self.clients)} of {held} connections"

    def lost(self, *, since: float) -> ProcessLost:
        """The event: it serves no more, and was sent its signal then."""
        return ProcessLost(
            at=time.monotonic(),
            since=since,
            pid=self.pid,
            crowd=self.before.crowd,
            clients=self.clients,
            left=tuple(sorted(self.there.union(self.before.there) - {self.pid})),
        )

    async def healing(self, fault: str, agent: AsyncAgent, port: int) -> Healing:
        """Whether as many serve now, without it, as did before: to make up for it is the master's."""
        healed_at = time.monotonic()
        after = set((await agent.serving(port)).pids) - {self.pid}
        whole = len(after) >= len(self.before.serving)
        return Healing(
            at=time.monotonic(),
            fault=fault,
            state=HealingState.HEALED if whole else HealingState.GONE_WITH_THE_TARGET,
            since=healed_at,
            evidence=(
                Evidence(
                    what="workers that take connections",
                    side="server kernel",
                    before=str(len(self.before.serving) - 1),
                    during=str(len(after)),
                ),
            ),
        )


async def one_of_several(scene: Scene) -> OneOfSeveral:
    """The worker that serves most of the victims. Raises FaultError where there are not several."""
    agent, port, victims = scene.the_agent(), scene.server.port, scene.the_victims()
    before = await holders_of(victims, agent, port)
    if len(before.serving) < 2:
        raise FaultError(
            f"{len(before.serving)} of the server's processes takes connections on port {port}, and this fault "
            "acts on one of several: start more workers, or leave promises.recovery.worker_within out"
        )
    served = Counter(pid for pid in before.held.values() if pid in before.serving)
    if not served:
        raise FaultError("none of the server's workers holds a connection of the victims")
    there = frozenset([pid for root in scene.server.root_pids for pid in await agent.tree(root)])
    return OneOfSeveral(pid=served.most_common(1)[0][0], before=before, there=there)
