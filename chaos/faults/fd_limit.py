"""A server without file descriptors to spare: its limit on open files is lowered to what it has open (EMFILE)."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from chaos.agent.async_client import AsyncAgent
from chaos.agent.types import FileLimit
from chaos.capability import Capability
from chaos.errors import AgentError
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import DYING, all_dead, connect_uncounted, host_inside, is_dead, poll_until, process_state
from chaos.journal import Bite, Evidence, Healing, HealingState, Receipt

__all__ = ["FdLimit", "soft_limit"]

_LEFT_WAITING = 0.2
"""Seconds that a connection waits before it counts as not accepted: a server that can takes it within milliseconds,
and a loop on two busy cores has been seen late by 0.2 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FdLimit(Fault):
    """Each of the server's processes may open few more files (`spare`); clients knock, and keep the shortage up.

    The knocks are TCP connections of the fault's own that say nothing. They stay until the fault heals: those that the
    server cannot take wait in its kernel's queue all the while. Or they are ended by a server that keeps one file in
    reserve to turn newcomers away with, as libuv does; one that came and went before the shortage was not.

    It cannot simulate a table of open files that is full for the whole machine (ENFILE).
    """

    name: ClassVar[str] = "fd-limit"
    family: ClassVar[str] = "server"
    needs: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.SIGNALS, Capability.PROCESS_PROBE, Capability.SOCKET_PROBE}
    )
    cannot: ClassVar[str] = "a full table of open files of the whole machine (ENFILE)"
    spare: int = 0
    """Files that each process may still open. With some, a server that drops silent connections gets them back, and
    the shortage comes and goes."""
    knocks: int = 3
    """Connections more than what all processes together may take."""

    def __post_init__(self) -> None:
        if self.spare < 0 or self.knocks < 0:
            raise ValueError(
                f"spare is a number of files, knocks one of connections; found {self.spare} and {self.knocks}"
            )

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        agent, port, patience = scene.the_agent(), scene.server.port, scene.patience
        waiting_before = await _waiting(agent, port)
        limits: list[FileLimit] = []
        async with contextlib.AsyncExitStack() as knocking:
            made: list[socket.socket] = []
            try:
                host = await host_inside(agent, port)
                ends_everybody = await _ends_the_silent(agent, host, port, patience=patience)
                since = time.monotonic()
                limits = await agent.limit_files(scene.server.root_pids, spare=self.spare)
                deadline = since + patience
                for _ in range(self.knocks + self.spare * len(limits)):
                    left = max(deadline - time.monotonic(), 0.0)
                    try:
                        made.append(await connect_uncounted(agent, host, port, timeout=left))
                    except AgentError:
                        # Its listener goes first, and its process a moment later.
                        if await poll_until(partial(_looked_for_death, limits), bool, within=left):
                            break  # it has died of the knocks before
                        raise
                    knocking.callback(made[-1].close)
                # They are in the queue once connected; a server that can takes them from there.
                waiting = await poll_until(
                    lambda: _waiting(agent, port),
                    lambda found: found <= waiting_before and all(map(_ended, made)),
                    within=_LEFT_WAITING,
                )
                await _settled(limits)
                limited = bool(limits) and all(soft_limit(each.pid) == each.now for each in limits)
                ended = 0 if ends_everybody else sum(map(_ended, made))
                yield Receipt(
                    at=time.monotonic(),
                    fault=self.name,
                    bite=Bite.BIT
                    if _died(limits) or (limited and (waiting > waiting_before or ended))
                    else Bite.DID_NOT_BITE,
                    covered=0,
                    total=0,
                    since=since,
                    evidence=(
                        _limits_evidence(limits, restored=False),
                        _queue_evidence(waiting_before, waiting),
                        Evidence(
                            what="connections that the server ended at once",
                            side="client",
                            before="0",
                            during=f"{ended} of {len(made)}",
                        ),
                    ),
                )
            finally:
                healed_at = time.monotonic()
                await agent.restore_files(limits)
            await _settled(limits)
            # Whether those who wait are taken now is the server's to show, and a scenario's to judge.
            yield Healing(
                at=time.monotonic(),
                fault=self.name,
                state=_healing(limits),
                since=healed_at,
                evidence=(_limits_evidence(limits, restored=True),),
            )


async def _ends_the_silent(agent: AsyncAgent, host: str, port: int, *, patience: float) -> bool:
    """Whether a connection that says nothing is ended at once, with files to spare.

    It is over again before files are short, at the server too: what that gave back later would be a file to spare.
    """
    with contextlib.closing(await connect_uncounted(agent, host, port, timeout=patience)) as earlier:

        async def is_ended() -> bool:
            return _ended(earlier)

        ends = await poll_until(is_ended, bool, within=_LEFT_WAITING)
        with contextlib.suppress(OSError):
            earlier.shutdown(socket.SHUT_WR)
        await poll_until(is_ended, bool, within=_LEFT_WAITING)
    return ends


def soft_limit(pid: int) -> int | None:
    """How many files a process may open, as its kernel says it; None where there is no such process."""
    try:
        lines = Path(f"/proc/{pid}/limits").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return None
    (line,) = (line for line in lines if line.startswith("Max open files"))
    return int(line.removeprefix("Max open files").split()[0])


def _ended(knock: socket.socket) -> bool:
    """Whether the server has ended a connection that says nothing."""
    try:
        return not knock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _died(limits: Sequence[FileLimit]) -> bool:
    """Whether the server that was limited has ended, with all of its processes."""
    return bool(limits) and all_dead(each.pid for each in limits)


async def _settled(limits: Sequence[FileLimit]) -> None:
    """Where one of the processes has died of it the others may be dying: they are given the time."""
    if any(is_dead(process_state(each.pid)) for each in limits):
        await poll_until(partial(_looked_for_death, limits), bool, within=DYING)


async def _looked_for_death(limits: Sequence[FileLimit]) -> bool:
    return _died(limits)


def _healing(limits: Sequence[FileLimit]) -> HealingState:
    if _died(limits):
        return HealingState.GONE_WITH_THE_TARGET
    living = [each for each in limits if not is_dead(process_state(each.pid))]
    restored = all(soft_limit(each.pid) == each.before for each in living)
    return HealingState.HEALED if restored else HealingState.FAILED


async def _waiting(agent: AsyncAgent, port: int) -> int:
    """Connections that the kernel has made and nobody has accepted."""
    return sum(found.rqueue for found in await agent.sockets(port) if found.state == "LISTEN" and found.side == "local")


def _limits_evidence(limits: Sequence[FileLimit], *, restored: bool) -> Evidence:
    return Evidence(
        what="files that the server's processes may open",
        side="server kernel",
        before=_numbers([each.now if restored else each.before for each in limits]),
        during=_numbers([soft_limit(each.pid) for each in limits]),
    )


def _queue_evidence(before: int, during: int) -> Evidence:
    return Evidence(
        what="connections that nobody has accepted", side="server kernel", before=str(before), during=str(during)
    )


def _numbers(limits: Sequence[int | None]) -> str:
    return " ".join("-" if limit is None else str(limit) for limit in limits) or "none"
