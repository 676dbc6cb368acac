"""The limit on open files of processes that run (RLIMIT_NOFILE, the soft one): lowered, and put back.

Only the soft limit is touched: whoever may lower it may also raise it again, up to the hard one, without privileges.
"""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Collection, Iterable, Iterator

from chaos.agent.identity import identify, local_pid, own_pid
from chaos.agent.processes import descendants
from chaos.agent.types import FileLimit
from chaos.errors import AgentError

__all__ = ["limit_files", "limit_leaving", "restore_files"]


def limit_files(roots: Iterable[int], *, spare: int) -> list[FileLimit]:
    """Leave each process of these trees room for `spare` more open files; what was set, and what it was before.

    All or none: those already lowered are put back when one cannot be. Raises AgentError for one that may not be
    limited.
    """
    lowered: list[FileLimit] = []
    try:
        for stat in descendants(roots):
            if stat.state != "Z" and (found := _lower(stat.pid, stat.started, spare)) is not None:
                lowered.append(found)
    except AgentError:
        restore_files(lowered)
        raise
    return lowered


def restore_files(limits: Iterable[FileLimit]) -> list[int]:
    """Put the limits back; the pids of those processes that are still there."""
    return [each.pid for each in limits if _set(each.pid, each.started, each.before) is not None]


def limit_leaving(spare: int, opened: Collection[int]) -> int:
    """The limit under which exactly `spare` further files can be opened.

    It is about numbers, not about how many: the kernel gives the lowest free one and refuses what is not below it.
    """
    taken = set(opened)
    limit = free = 0
    while free < spare or limit in taken:
        free += limit not in taken
        limit += 1
    return limit


def _lower(pid: int, started: int, spare: int) -> FileLimit | None:
    """None for a process that has ended."""
    try:
        opened = [int(name) for name in os.listdir(f"/proc/{pid}/fd")]
    except (FileNotFoundError, ProcessLookupError):
        return None
    except PermissionError as error:
        raise _not_permitted(pid) from error
    now = limit_leaving(spare, opened)
    before = _set(pid, started, now)
    return None if before is None else FileLimit(pid=pid, started=started, before=before, now=now)


def _set(pid: int, started: int, soft: int) -> int | None:
    """Set the soft limit of exactly this process; the one before, or None when it has ended."""
    if pid == own_pid():
        raise AgentError(f"pid {pid} is the agent itself; it does not limit its own files")
    local, found = local_pid(pid), identify(pid)
    if local is None or found is None or found.started != started:
        return None
    try:
        with _as_the_user_of(pid):
            before, hard = resource.prlimit(local, resource.RLIMIT_NOFILE)
            resource.prlimit(local, resource.RLIMIT_NOFILE, (soft if hard < 0 else min(soft, hard), hard))
    except (FileNotFoundError, ProcessLookupError):
        return None
    except PermissionError as error:
        raise _not_permitted(pid) from error
    return before


@contextlib.contextmanager
def _as_the_user_of(pid: int) -> Iterator[None]:
    """Have the real user and group of a process meanwhile, where they are others than the agent's.

    prlimit(2) asks for those, or for CAP_SYS_RESOURCE, which root in a container usually lacks. The effective user
    stays, and with it what the agent may do otherwise. Raises PermissionError where it may not.
    """
    owner, (user, group) = os.stat(f"/proc/{pid}"), (os.getuid(), os.getgid())
    if (owner.st_uid, owner.st_gid) == (user, group):
        yield
        return
    os.setresgid(owner.st_gid, -1, -1)
    try:
        os.setresuid(owner.st_uid, -1, -1)
        yield
    finally:
        os.setresuid(user, -1, -1)
        os.setresgid(group, -1, -1)


def _not_permitted(pid: int) -> AgentError:
    return AgentError(
        f"pid {pid} belongs to another user, and the agent may not limit its files; "
        "start the agent as that user or as root (in a container with the capabilities SETUID and SETGID)"
    )
