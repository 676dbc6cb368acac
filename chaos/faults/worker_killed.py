"""One worker of several that is killed: SIGKILL, as the OOM killer or a crash in a library ends it."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.errors import FaultError
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import once_dead
from chaos.faults.holders import holders_of
from chaos.journal import Bite, Evidence, Healing, HealingState, ProcessLost, Receipt

__all__ = ["WorkerKilled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerKilled(Fault):
    """SIGKILL to the one of the server's workers that serves most of the victims; the others are left alone.

    A worker is a process that holds the server's listening socket and has no child that does. It is healed when as many
    of them as before are there again: that is its master's to do. It cannot simulate a worker that hangs.
    """

    name: ClassVar[str] = "worker-killed"
    family: ClassVar[str] = "server"
    needs: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.SIGNALS, Capability.PROCESS_PROBE, Capability.SOCKET_PROBE, Capability.TCP_TRUE}
    )
    cannot: ClassVar[str] = "a worker that hangs, which its master has to find out"

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        agent, port, victims = scene.the_agent(), scene.server.port, scene.the_victims()
        before = await holders_of(victims, agent, port)
        if len(before.serving) < 2:
            raise FaultError(
                f"{len(before.serving)} of the server's processes takes connections on port {port}, and this fault "
                "kills one of several: start more workers, or leave promises.recovery.worker_within out"
            )
        served = Counter(pid for pid in before.held.values() if pid in before.serving)
        if not served:
            raise FaultError("none of the server's workers holds a connection of the victims")
        chosen, count = served.most_common(1)[0]
        there = [pid for root in scene.server.root_pids for pid in await agent.tree(root)]
        since = time.monotonic()
        await agent.signal([chosen], signal.SIGKILL)
        dead = bool(await once_dead([chosen], within=scene.patience))
        if dead:
            scene.the_record()(
                ProcessLost(
                    at=time.monotonic(),
                    since=since,
                    pid=chosen,
                    crowd=victims.name,
                    clients=tuple(int(client) for client, pid in before.held.items() if pid == chosen),
                    left=tuple(sorted({*there, *before.serving} - {chosen})),
                )
            )
        yield Receipt(
            at=time.monotonic(),
            fault=self.name,
            bite=Bite.BIT if dead else Bite.DID_NOT_BITE,
            covered=0,
            total=0,
            since=since,
            evidence=(
                Evidence(
                    what=f"one of {len(before.serving)} workers, with {count} of {len(before.held)} connections",
                    side="server kernel",
                    before="alive",
                    during="dead" if dead else "alive",
                ),
            ),
        )
        healed_at = time.monotonic()
        after = await agent.serving(port)
        whole = len(set(after.pids) - {chosen}) >= len(before.serving)
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=HealingState.HEALED if whole else HealingState.GONE_WITH_THE_TARGET,
            since=healed_at,
            evidence=(
                Evidence(
                    what="workers that take connections",
                    side="server kernel",
                    before=str(len(before.serving) - 1),
                    during=str(len(after.pids)),
                ),
            ),
        )
