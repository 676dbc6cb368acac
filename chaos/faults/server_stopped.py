"""A server that stands still: SIGSTOP, as a frozen or starved machine looks from outside."""

from __future__ import annotations

import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import DYING, is_dead, poll_until, process_state
from chaos.journal import Bite, Evidence, Healing, HealingState, Receipt

__all__ = ["ServerStopped"]

_STOPPED = ("T", "t")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStopped(Fault):
    """SIGSTOP to all of the server's processes; its kernel goes on accepting and acknowledging for it.

    The server's clocks go on too: when it continues, all that was due is overdue. It cannot simulate a paused virtual
    machine whose monotonic clock stands still.
    """

    name: ClassVar[str] = "server-stopped"
    family: ClassVar[str] = "server"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.SIGNALS, Capability.PROCESS_PROBE})
    cannot: ClassVar[str] = "a paused virtual machine, whose kernel stops as well"

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        agent, roots = scene.the_agent(), scene.server.root_pids
        before = [process_state(pid) for root in roots for pid in await agent.tree(root)]
        since = time.monotonic()
        stopped: list[int] = []
        try:
            stopped = await agent.signal(roots, signal.SIGSTOP, tree=True)
            during = await poll_until(lambda: _states(stopped), _all_stopped, within=scene.patience)
            yield Receipt(
                at=time.monotonic(),
                fault=self.name,
                bite=Bite.BIT if stopped and _all_stopped(during) else Bite.DID_NOT_BITE,
                covered=0,
                total=0,
                since=since,
                evidence=(_evidence(before, during),),
            )
        finally:
            healed_at = time.monotonic()
            # Those that were stopped, also when their parent has died meanwhile; and by the roots, for when one of
            # them does not stop in time the agent raises, and the others have stopped.
            await agent.signal(stopped, signal.SIGCONT)
            await agent.signal(roots, signal.SIGCONT, tree=True)
        after = await poll_until(
            lambda: _states(stopped),
            lambda found: not any(_is_stopped(state) for state in found),
            within=scene.patience,
        )
        if any(map(is_dead, after)):
            after = await poll_until(lambda: _states(stopped), lambda found: all(map(is_dead, found)), within=DYING)
        if after and all(map(is_dead, after)):
            state = HealingState.GONE_WITH_THE_TARGET
        else:
            state = HealingState.FAILED if any(map(_is_stopped, after)) else HealingState.HEALED
        yield Healing(
            at=time.monotonic(), fault=self.name, state=state, since=healed_at, evidence=(_evidence(during, after),)
        )


async def _states(pids: list[int]) -> list[str]:
    return [process_state(pid) for pid in pids]


def _is_stopped(state: str) -> bool:
    return state in _STOPPED


def _all_stopped(states: list[str]) -> bool:
    return all(map(_is_stopped, states))


def _evidence(before: list[str], during: list[str]) -> Evidence:
    """State letters as /proc has them; a dash where there is no such process any more."""
    return Evidence(
        what="state of the server's processes",
        side="server kernel",
        before=_letters(before),
        during=_letters(during),
    )


def _letters(states: list[str]) -> str:
    return " ".join(state or "-" for state in states) or "none"
