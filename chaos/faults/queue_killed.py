"""A message queue of the server's own that is killed: the process through which its workers tell each other."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.errors import FaultError
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import once_dead
from chaos.journal import Bite, Evidence, Healing, HealingState, ProcessLost, Receipt

__all__ = ["QueueKilled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueKilled(Fault):
    """SIGKILL to the server's queue, the processes below it that have its name (`process`); all else is left alone.

    It is healed when as many that fit are there again: that is its supervisor's to do. It cannot simulate a queue on
    another machine, which takes its connections' ends with it and leaves its clients in silence.
    """

    process: str = ""
    """A regular expression for the command line, `promises.delivery.queue_process`; the scenario gives it."""

    name: ClassVar[str] = "queue-killed"
    family: ClassVar[str] = "server"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.SIGNALS, Capability.PROCESS_PROBE})
    cannot: ClassVar[str] = "a queue on another machine that is lost, which leaves the workers in silence"

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        agent, roots = scene.the_agent(), scene.server.root_pids
        there = await agent.commands(roots)
        chosen = _fitting(there, self.process)
        if not chosen:
            raise FaultError(
                f"no process of the server's fits promises.delivery.queue_process = {self.process!r}; there are "
                f"{', '.join(sorted({repr(command[:60]) for command in there.values()})) or 'none'}"
            )
        since = time.monotonic()
        await agent.signal(chosen, signal.SIGKILL)
        dead = await once_dead(chosen, within=scene.patience)
        if dead == len(chosen):
            scene.the_record()(
                ProcessLost(
                    at=time.monotonic(), since=since, pid=chosen[0], left=tuple(sorted(there.keys() - set(chosen)))
                )
            )
        yield Receipt(
            at=time.monotonic(),
            fault=self.name,
            bite=Bite.BIT if dead == len(chosen) else Bite.DID_NOT_BITE,
            covered=0,
            total=0,
            since=since,
            evidence=(
                Evidence(
                    what="the queue's processes",
                    side="server kernel",
                    before=f"{len(chosen)} alive",
                    during=f"{dead} dead",
                ),
            ),
        )
        healed_at = time.monotonic()
        again = [pid for pid in _fitting(await agent.commands(roots), self.process) if pid not in chosen]
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=HealingState.HEALED if len(again) >= len(chosen) else HealingState.GONE_WITH_THE_TARGET,
            since=healed_at,
            evidence=(
                Evidence(what="the queue's processes", side="server kernel", before="0", during=f"{len(again)} alive"),
            ),
        )


def _fitting(commands: dict[int, str], process: str) -> list[int]:
    return [pid for pid, command in commands.items() if re.search(process, command)]
