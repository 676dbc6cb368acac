"""One worker of several that is told to end: SIGTERM, as a master recycles it after so many requests."""

from __future__ import annotations

import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.agent.async_client import AsyncAgent
from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import is_dead, poll_until, process_state
from chaos.faults.holders import OneOfSeveral, one_of_several
from chaos.journal import Bite, Evidence, Healing, Receipt

__all__ = ["WorkerTerminated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTerminated(Fault):
    """SIGTERM to the one of the server's workers that serves most of the victims; the others are left alone.

    It has bitten when that worker takes nobody any more: it is dead, or has let go of the listening socket, or, where
    it was handed its connections, of those. One that goes on as before was not told. It is healed when as many workers
    as before are there again: that is its master's to do. It cannot simulate what makes a server recycle a worker of
    its own accord, such as so many requests or so much memory: of those the end is the same, and not the beginning.
    """

    name: ClassVar[str] = "worker-terminated"
    family: ClassVar[str] = "server"
    needs: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.SIGNALS, Capability.PROCESS_PROBE, Capability.SOCKET_PROBE, Capability.TCP_TRUE}
    )
    cannot: ClassVar[str] = "the requests or the memory for which a server recycles a worker of its own accord"

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        agent, port = scene.the_agent(), scene.server.port
        worker = await one_of_several(scene)
        listened = worker.pid in await agent.listen_pids(port)
        since = time.monotonic()
        await agent.signal([worker.pid], signal.SIGTERM)
        found = await poll_until(
            lambda: _state(worker, agent, port, listened=listened), _takes_nobody, within=scene.patience
        )
        if _takes_nobody(found):
            scene.the_record()(worker.lost(since=since))
        yield Receipt(
            at=time.monotonic(),
            fault=self.name,
            bite=Bite.BIT if _takes_nobody(found) else Bite.DID_NOT_BITE,
            covered=0,
            total=0,
            since=since,
            evidence=(Evidence(what=worker.told, side="server kernel", before=_TAKES, during=found),),
        )
        yield await worker.healing(self.name, agent, port)


_TAKES = "takes connections"


async def _state(worker: OneOfSeveral, agent: AsyncAgent, port: int, *, listened: bool) -> str:
    if is_dead(process_state(worker.pid)):
        return "dead"
    if listened:
        return _TAKES if worker.pid in await agent.listen_pids(port) else "listens no more"
    return _TAKES if worker.pid in (await agent.serving(port)).pids else "holds no connection"


def _takes_nobody(state: str) -> bool:
    return state != _TAKES
