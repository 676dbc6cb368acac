"""Naming processes so that a reused pid is never mistaken for the process that had it before.

The agent may live in a pid namespace of its own while /proc is the host's: pids *read* are the host's, pids *used* in
kill(2) are the namespace's. Everything outside this module speaks of the pid that /proc shows; here it is translated.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

__all__ = ["Identity", "identify", "local_pid", "own_pid", "send_signal", "shown_pid", "start_time"]


@dataclass(frozen=True, slots=True)
class Identity:
    """One process for certain: a pid (as /proc shows it) and when it started, in clock ticks since boot."""

    pid: int
    started: int

    def alive(self) -> bool:
        """Whether it still exists, a zombie included."""
        return start_time(self.pid) == self.started


def own_pid() -> int:
    """This process's pid as /proc shows it, which in a pid namespace is not os.getpid()."""
    return int(os.readlink("/proc/self"))


def start_time(pid: int) -> int | None:
    """Clock ticks from boot to the start of a process; None when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            content = file.read()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None  # gone, or hidden by a /proc mounted with hidepid
    # The name in parentheses may hold anything, so fields are counted from the last one: proc_pid_stat(5), field 22.
    return int(content[content.rindex(b")") + 2 :].split()[19])


def identify(pid: int) -> Identity | None:
    """The process that has this pid now."""
    started = start_time(pid)
    return None if started is None else Identity(pid=pid, started=started)


def local_pid(pid: int) -> int | None:
    """The pid in the agent's own namespace of the process that /proc shows as `pid`; None when it has none there."""
    local = _namespace_pids(pid)
    depth = len(_namespace_pids(own_pid()))
    if len(local) < depth or not local:
        return None
    return local[depth - 1]


def shown_pid(pidfd: int) -> int:
    """The pid that /proc shows for the process of a pidfd; -1 when it has ended and was waited for."""
    with open(f"/proc/self/fdinfo/{pidfd}", encoding="ascii") as file:
        for line in file:
            if line.startswith("Pid:"):
                return int(line.split()[1])
    raise OSError("this kernel does not tell a pidfd's pid in /proc/self/fdinfo; Linux 5.4 and later do")


def send_signal(process: Identity, number: signal.Signals) -> bool:
    """Send a signal to exactly this process; False when it is gone. Raises PermissionError where it may not.

    A pidfd holds on to one process, so that checking who it is and signalling cannot be torn apart by a reused pid.
    """
    local = local_pid(process.pid)
    if local is None:
        return False
    try:
        pidfd = os.pidfd_open(local)
    except ProcessLookupError:
        return False
    try:
        if shown_pid(pidfd) != process.pid or start_time(process.pid) != process.started:
            return False
        signal.pidfd_send_signal(pidfd, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(pidfd)
    return True


def _namespace_pids(pid: int) -> list[int]:
    """The pids of a process from /proc's namespace inwards (NSpid in proc_pid_status(5)); empty when it is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("NSpid:"):
                    return [int(number) for number in line.split()[1:]]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return []
