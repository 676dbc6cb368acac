"""Finding processes by a mark in their environment, and killing exactly those.

The environment a process was started with stays readable in /proc/PID/environ, to its own user and to root.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable

from chaos.errors import EnvironmentFailure

__all__ = ["DEPLOYMENT_VARIABLE", "kill_marked"]

DEPLOYMENT_VARIABLE = "CHAOS_DEPLOYMENT"
"""Tells apart the processes of one owner: `DEPLOYMENT/NAME.NUMBER`."""


def kill_marked(variable: str, condemned: Callable[[str], bool], *, deadline: float) -> list[int]:
    """SIGKILL every process whose `variable` is condemned, wait until they are gone, return their pids.

    Looks again until it finds nothing, for a process may fork while it is killed. Never this process nor one it
    descends from. Raises EnvironmentFailure when one is still there at `deadline` (seconds monotonic). Does nothing
    where there is no /proc.
    """
    killed: list[int] = []
    if sys.platform != "linux":
        return killed
    spared = _ancestry()
    while True:
        with contextlib.ExitStack() as open_fds:
            found = _kill_round(f"{variable}=".encode(), condemned, spared=spared, open_fds=open_fds)
            if not found:
                return sorted(killed)
            killed.extend(found.values())
            _wait_for(found, deadline=deadline)


def _kill_round(
    needle: bytes, condemned: Callable[[str], bool], *, spared: set[int], open_fds: contextlib.ExitStack
) -> dict[int, int]:
    """Kill all that are marked now; pidfd to pid. What has been killed and is not buried yet no longer counts."""
    killed = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) in spared:
            continue
        pid = int(entry)
        # Most processes are told by one read; only the condemned are looked at twice: opened first, so that the
        # signal cannot reach a stranger who is given the pid in between.
        mark = _mark(pid, needle)
        if mark is None or not condemned(mark):
            continue
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        open_fds.callback(os.close, fd)
        if _mark(pid, needle) != mark:
            continue
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(fd, signal.SIGKILL)
            killed[fd] = pid
    return killed


def _mark(pid: int, needle: bytes) -> str | None:
    """The value of the variable in a process's environment; None where it has none or may not be read."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            environment = file.read()
    except OSError:
        return None  # ended, or another user's
    if needle not in environment:
        return None
    for item in environment.split(b"\0"):
        if item.startswith(needle):
            return item.removeprefix(needle).decode("utf-8", errors="replace")
    return None


def _wait_for(killed: dict[int, int], *, deadline: float) -> None:
    waiting = dict(killed)
    poll = select.poll()
    for fd in waiting:
        poll.register(fd, select.POLLIN)  # readable once the process has ended
    while waiting:
        left = deadline - time.monotonic()
        if left <= 0:
            raise EnvironmentFailure(
                f"pids {sorted(waiting.values())} have not ended although SIGKILL was sent: the kernel holds them in "
                "a system call"
            )
        for fd, _ in poll.poll(left * 1000):
            poll.unregister(fd)
            del waiting[fd]


def _ancestry() -> set[int]:
    """This process and those it descends from."""
    found = set()
    pid = os.getpid()
    while pid > 0 and pid not in found:
        found.add(pid)
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                pid = int(file.read().rpartition(b")")[2].split()[1])
        except OSError:
            break
    return found
