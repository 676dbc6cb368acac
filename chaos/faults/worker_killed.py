"""One worker of several that is killed: SIGKILL, as the OOM killer or a crash in a library ends it."""

from __future__ import annotations

import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import once_dead
from chaos.faults.holders import one_of_several
from chaos.journal import Bite, Evidence, Healing, Receipt

__all__ = ["WorkerKilled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerKilled(Fault):
    """SIGKILL to the one of the server's workers that serves most of the victims; the others are left alone.

    A worker is a process that holds the server's listening socket, or connections that it was handed, and from which no
    other such process descends. It is healed when as many of them as before are there again: that is its master's to
    do. It cannot simulate a worker that hangs.
    """

    name: ClassVar[str] = "worker-killed"
    family: ClassVar[str] = "server"
    needs: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.SIGNALS, Capability.PROCESS_PROBE, Capability.SOCKET_PROBE, Capability.TCP_TRUE}
    )
    cannot: ClassVar[str] = "a worker that hangs, which its master has to find out"

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        agent = scene.the_agent()
        worker = await one_of_several(scene)
        since = time.monotonic()
        await agent.signal([worker.pid], signal.SIGKILL)
        dead = bool(await once_dead([worker.pid], within=scene.patience))
        if dead:
            scene.the_record()(worker.lost(since=since))
        yield Receipt(
            at=time.monotonic(),
            fault=self.name,
            bite=Bite.BIT if dead else Bite.DID_NOT_BITE,
            covered=0,
            total=0,
            since=since,
            evidence=(
                Evidence(what=worker.told, side="server kernel", before="alive", during="dead" if dead else "alive"),
            ),
        )
        yield await worker.healing(self.name, agent, scene.server.port)
