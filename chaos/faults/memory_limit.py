"""A server that is short of memory: its control group may have little more than it has now (the OOM killer's limit)."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from chaos.agent.async_client import AsyncAgent
from chaos.agent.control_groups import MemoryCounters, memory_counters
from chaos.agent.types import GroupLimit
from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.group_limited import lifted, limit_evidence, living, under_it
from chaos.journal import Bite, Evidence, Healing, Receipt
from chaos.units import format_size

__all__ = ["MemoryLimit"]

_BALLAST = """\
import sys
def hold(size):
    held = bytearray(size)
    held[::1024] = b"x" * len(held[::1024])
    return held
with open("/proc/self/oom_score_adj", "w") as file:
    file.write("1000")
outside = hold(int(sys.argv[3]))
with open(sys.argv[1], "w") as file:
    file.write("0")
inside = hold(int(sys.argv[2]))
"""
"""The first to be killed where memory is short, and only then a member of the group: it costs the server nothing.

The kernel kills whoever has most, the memory that it had before it came to the group included, and the score is worth
no more than the group's limit: so it has as much as the server before it comes. With 20 MiB to spare and 43 MB of its
own a server was killed in its place.
"""

_BEYOND = 1 << 24
"""Bytes that it asks for beyond what is spared."""

_NONE = MemoryCounters(used=0, limit=None, refused=0, killed=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryLimit(Fault):
    """All of the server's processes together may take little more memory (`spare` bytes); who takes more is killed.

    What shows that the limit holds is a process of the fault's own that asks for more in the server's group, and is
    refused: the kernel has it killed and nobody else. It cannot simulate memory that is short on the whole machine, nor
    one that pages out: without swap for the group nothing is slow before it is over.
    """

    name: ClassVar[str] = "memory-limit"
    family: ClassVar[str] = "server"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.MEMORY_LIMIT, Capability.PROCESS_PROBE})
    cannot: ClassVar[str] = "a machine that is out of memory, and one that pages out"
    spare: int = 1 << 26
    """Bytes. Where a target promises something under a shortage, it says under which."""

    def __post_init__(self) -> None:
        if self.spare < _BEYOND:
            raise ValueError(
                f"spare is at least {_BEYOND} bytes, or what a server does anyway ends it; found {self.spare}"
            )

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        agent, since = scene.the_agent(), time.monotonic()
        limit = await agent.limit_memory(scene.server.root_pids, spare=self.spare)
        try:
            before = _counters(limit)
            killed = await _ask_for_more(agent, limit, self.spare + _BEYOND, within=scene.patience)
            during = _counters(limit)
            # Not every kernel counts how often it refused.
            bitten = killed and during.killed > before.killed and living(limit)
            yield Receipt(
                at=time.monotonic(),
                fault=self.name,
                bite=Bite.BIT if bitten and len(under_it(limit)) == len(living(limit)) else Bite.DID_NOT_BITE,
                covered=0,
                total=0,
                since=since,
                evidence=(_counters_evidence(before, during), limit_evidence(limit, before=limit.before)),
            )
        finally:
            last, healed_at = _counters(limit), time.monotonic()
            await agent.lift_limit(limit)
        state = await lifted(limit, within=scene.patience)
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=state,
            since=healed_at,
            evidence=(limit_evidence(limit, before=limit.now), _counters_evidence(during, last)),
        )


async def _ask_for_more(agent: AsyncAgent, limit: GroupLimit, size: int, *, within: float) -> bool:
    """Whether a process that joins the group and asks for `size` bytes is killed for it."""
    members, outside = str(Path(limit.group) / "cgroup.procs"), sum(map(_resident, living(limit)))
    ballast = await agent.spawn(
        [sys.executable, "-I", "-S", "-c", _BALLAST, members, str(size), str(outside)],
        name="ballast",
        log=Path(os.devnull),
    )
    try:
        return await agent.wait(ballast.pid, timeout=within) == -signal.SIGKILL
    finally:
        await agent.signal([ballast.pid], signal.SIGKILL)


def _resident(pid: int) -> int:
    """Bytes; 0 for a process that has gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _counters(limit: GroupLimit) -> MemoryCounters:
    """What the group has counted so far; nothing where it has gone with the server."""
    return memory_counters(Path(limit.group)) or _NONE


def _counters_evidence(before: MemoryCounters, during: MemoryCounters) -> Evidence:
    return Evidence(
        what="times that the group was refused more memory, processes killed for it, and what it has",
        side="server kernel",
        before=_shown(before),
        during=_shown(during),
    )


def _shown(counters: MemoryCounters) -> str:
    return f"{counters.refused}, {counters.killed}, {format_size(counters.used)}"
