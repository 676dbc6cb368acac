"""What the faults that limit a server by its control group share: who is in it, and that all is as it was."""

from __future__ import annotations

from pathlib import Path

from chaos.agent.control_groups import find_hierarchy, limit_in_force
from chaos.agent.types import GroupLimit
from chaos.faults.evidence import is_dead, poll_until, process_state
from chaos.journal import Evidence, HealingState

__all__ = ["lifted", "limit_evidence", "living", "state_of", "under_it"]


def under_it(limit: GroupLimit) -> list[int]:
    """The server's processes that live and are in the limited group, or in one below it, as /proc says."""
    hierarchy, group = find_hierarchy(limit.controller), Path(limit.group)
    if hierarchy is None:
        return []
    homes = {pid: hierarchy.home(pid) for pid in living(limit)}
    return [pid for pid, home in homes.items() if home is not None and home.is_relative_to(group)]


def living(limit: GroupLimit) -> list[int]:
    """The server's processes that were limited and live."""
    return [pid for pid in limit.pids if not is_dead(process_state(pid))]


async def lifted(limit: GroupLimit, *, within: float) -> HealingState:
    """What has become of the limit: its group is gone and nobody is in it, or says again what it said before."""

    async def look() -> HealingState:
        return state_of(limit)

    return await poll_until(look, lambda found: found is not HealingState.FAILED, within=within)


def state_of(limit: GroupLimit) -> HealingState:
    if not living(limit):
        return HealingState.GONE_WITH_THE_TARGET
    group = Path(limit.group)
    if limit.made:
        as_before = not group.exists() and not under_it(limit)
    else:
        as_before = limit_in_force(group, limit.controller) == limit.before
    return HealingState.HEALED if as_before else HealingState.FAILED


def limit_evidence(limit: GroupLimit, *, before: str) -> Evidence:
    """The limit that the kernel has now, and how many of the server's processes are under it."""
    now = limit_in_force(Path(limit.group), limit.controller) or "none"
    under = len(under_it(limit)) if now != limit.before else 0
    return Evidence(
        what=f"the {limit.controller} limit of the server's control group, and its processes under it",
        side="server kernel",
        before=before,
        during=f"{now}, {under} of {len(living(limit))}",
    )
