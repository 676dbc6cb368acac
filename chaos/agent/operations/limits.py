"""Requests about resource limits: limit_files, restore_files, limit_cpu, limit_memory, lift_limit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chaos.agent.fields import Field, directory, listed, pid, share, whole
from chaos.agent.file_limits import limit_files, restore_files
from chaos.agent.group_limits import GroupLimits
from chaos.agent.records import to_record
from chaos.agent.server import Operation
from chaos.agent.types import FileLimit

__all__ = ["limit_operations"]


def limit_operations(groups: GroupLimits) -> dict[str, Operation]:
    async def limit(pids: Sequence[int], spare: int) -> object:
        return [to_record(found) for found in limit_files(pids, spare=spare)]

    async def restore(limits: Sequence[FileLimit]) -> object:
        return {"restored": restore_files(limits)}

    async def limit_cpu(pids: Sequence[int], share: float) -> object:
        return to_record(groups.limit_cpu(pids, share=share))

    async def limit_memory(pids: Sequence[int], spare: int) -> object:
        return to_record(groups.limit_memory(pids, spare=spare))

    async def lift_limit(group: Path) -> object:
        groups.lift(group)
        return None

    return {
        "limit_files": Operation(limit, {"pids": Field(listed(pid)), "spare": Field(whole)}),
        "restore_files": Operation(restore, {"limits": Field(listed(_file_limit))}),
        "limit_cpu": Operation(limit_cpu, {"pids": Field(listed(pid, least=1)), "share": Field(share)}),
        "limit_memory": Operation(limit_memory, {"pids": Field(listed(pid, least=1)), "spare": Field(whole)}),
        "lift_limit": Operation(lift_limit, {"group": Field(directory)}),
    }


def _file_limit(value: object) -> FileLimit:
    """As limit_files answered it."""
    if not isinstance(value, dict) or value.keys() != {"pid", "started", "before", "now"}:
        raise ValueError("what limit_files answered: pid, started, before, now")
    # A limit before of -1 is RLIM_INFINITY, which no kernel has for open files: whole numbers do.
    return FileLimit(
        pid=pid(value["pid"]),
        started=whole(value["started"]),
        before=whole(value["before"]),
        now=whole(value["now"]),
    )
