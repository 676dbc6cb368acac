"""A server that is short of CPU: its processes get a small share of one core (CFS bandwidth control)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from chaos.agent.control_groups import PERIOD, CpuCounters, cpu_counters
from chaos.agent.types import GroupLimit
from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import poll_until
from chaos.faults.group_limited import lifted, limit_evidence, living, under_it
from chaos.faults.newcomers import Newcomers, newcomers
from chaos.journal import Bite, Evidence, Healing, Receipt
from chaos.units import format_duration

__all__ = ["CpuQuota"]

_THROTTLED = 3
"""Periods in which the quota has to be used up before the shortage counts as there: one might be the server's own doing
of that moment, a timer for instance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuQuota(Fault):
    """All of the server's processes together get a part of one core (`share`, every 0.1 s), and newcomers to serve.

    Until it heals `newcomers` clients of the fault's own at a time connect and go, so that the server has more to do
    than it is given CPU for. Its kernel goes on accepting and acknowledging for it.
    """

    name: ClassVar[str] = "cpu-quota"
    family: ClassVar[str] = "server"
    needs: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.CPU_LIMIT, Capability.PROCESS_PROBE, Capability.SOCKET_PROBE}
    )
    cannot: ClassVar[str] = "a machine without CPU to spare, whose kernel is late with TCP as well"
    share: float = 0.1
    """Of one core. Where a target promises something under a shortage, it says under which."""
    newcomers: int = 6
    """At a time, each of which takes a place."""

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"share is a part of one core, above 0 and at most 1; found {self.share!r}")
        if self.newcomers < 1:
            raise ValueError(f"newcomers is how many come at a time, one or more; found {self.newcomers!r}")

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        agent = scene.the_agent()
        async with newcomers(scene, self.newcomers) as came:
            since = time.monotonic()
            limit = await agent.limit_cpu(scene.server.root_pids, share=self.share)
            try:
                before = _counters(limit)
                during = await _throttled_since(limit, before, within=scene.patience)
                bitten = during.throttled - before.throttled >= _THROTTLED
                yield Receipt(
                    at=time.monotonic(),
                    fault=self.name,
                    bite=Bite.BIT if bitten and len(under_it(limit)) == len(living(limit)) else Bite.DID_NOT_BITE,
                    covered=0,
                    total=0,
                    since=since,
                    evidence=(
                        _throttled_evidence(before, during),
                        limit_evidence(limit, before=limit.before),
                        _newcomers_evidence(came),
                    ),
                )
            finally:
                during, healed_at = _counters(limit), time.monotonic()
                await agent.lift_limit(limit)
        state = await lifted(limit, within=scene.patience)
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=state,
            since=healed_at,
            evidence=(
                limit_evidence(limit, before=limit.now),
                _throttled_evidence(before, during),
                _newcomers_evidence(came),
            ),
        )


_NONE = CpuCounters(periods=0, throttled=0, seconds=0.0)


def _counters(limit: GroupLimit) -> CpuCounters:
    """What the group has counted so far; nothing where it has gone with the server."""
    return cpu_counters(Path(limit.group)) or _NONE


async def _throttled_since(limit: GroupLimit, before: CpuCounters, *, within: float) -> CpuCounters:
    async def look() -> CpuCounters:
        return _counters(limit)

    return await poll_until(
        look,
        lambda found: found.throttled - before.throttled >= _THROTTLED,
        within=max(2 * within, 2 * _THROTTLED * PERIOD),
    )


def _throttled_evidence(before: CpuCounters, during: CpuCounters) -> Evidence:
    periods, throttled = during.periods - before.periods, during.throttled - before.throttled
    return Evidence(
        what=f"periods of {format_duration(PERIOD)} in which the server's CPU was used up",
        side="server kernel",
        before="0",
        during=f"{throttled} of {periods}, for {format_duration(max(0.0, during.seconds - before.seconds))} in all",
    )


def _newcomers_evidence(came: Newcomers) -> Evidence:
    return Evidence(
        what="newcomers that gave it work",
        side="client",
        before="0",
        during=f"{came.served} served, {came.refused} refused, and {came.failed} in vain",
    )
