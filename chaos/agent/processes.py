"""Readings from /proc: process trees, open files, threads, memory, CPU time.

Pids are those that /proc shows. A process that ends in the middle of a reading is left out of it, never an error.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from chaos.agent.identity import Identity
from chaos.agent.scheduling import waited

__all__ = [
    "Figures",
    "Stat",
    "all_stats",
    "command_line",
    "descendants",
    "innermost",
    "is_stopped",
    "measure",
    "processes_with",
    "read_stat",
    "socket_holders",
    "socket_owners",
]

_TICKS = os.sysconf("SC_CLK_TCK")
_GONE = (FileNotFoundError, ProcessLookupError)
_HIDDEN = (*_GONE, PermissionError)
"""A /proc mounted with hidepid shows other users' processes to nobody but root: to us they are not there."""


@dataclass(frozen=True, slots=True)
class Stat:
    """The part of /proc/PID/stat that is used here."""

    pid: int
    state: str
    """One letter: R, S, D, T (stopped), Z (zombie), ..."""
    parent: int
    threads: int
    cpu: float
    """Seconds, user and system, of all threads that ever were; children are not in it."""
    started: int

    @property
    def identity(self) -> Identity:
        return Identity(pid=self.pid, started=self.started)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a set of processes uses, summed."""

    processes: int = 0
    fds: int = 0
    threads: int = 0
    cpu: float = 0.0
    waited: float = 0.0
    """Seconds that their threads were ready to run and had no core."""
    zombies: int = 0
    """Those that have ended and that nobody has asked how: all that is left of them is their number."""


def read_stat(pid: int, *, thread: int | None = None) -> Stat | None:
    """The state of a process, or of one of its threads; None when there is none."""
    path = f"/proc/{pid}/stat" if thread is None else f"/proc/{pid}/task/{thread}/stat"
    try:
        with open(path, "rb", buffering=0) as file:
            content = file.read()
    except _HIDDEN:
        return None
    fields = content[content.rindex(b")") + 2 :].split()
    return Stat(
        pid=pid,
        state=fields[0].decode(),
        parent=int(fields[1]),
        threads=int(fields[17]),
        cpu=(int(fields[11]) + int(fields[12])) / _TICKS,
        started=int(fields[19]),
    )


def all_stats() -> Iterator[Stat]:
    """Every process that /proc shows."""
    for name in os.listdir("/proc"):
        if name.isdigit() and (found := read_stat(int(name))) is not None:
            yield found


def descendants(roots: Iterable[int]) -> list[Stat]:
    """The processes `roots` that exist and all that descend from them, parents before children; zombies included.

    One pass over /proc (15 us a process): the kernel's own list of children, /proc/PID/task/TID/children, is an option
    that not every kernel is built with, and is only reliable for frozen processes.
    """
    stats = {found.pid: found for found in all_stats()}
    children: dict[int, list[Stat]] = {}
    for found in stats.values():
        children.setdefault(found.parent, []).append(found)
    tree = [stats[root] for root in dict.fromkeys(roots) if root in stats]
    seen = {member.pid for member in tree}
    for member in tree:
        for child in children.get(member.pid, ()):
            if child.pid not in seen:
                seen.add(child.pid)
                tree.append(child)
    return tree


def measure(processes: Iterable[Identity]) -> Figures:
    """Sum what the processes that are still alive use; one that is a zombie uses nothing, and is counted by itself."""
    count = fds = threads = zombies = 0
    cpu = without_a_core = 0.0
    for process in processes:
        stat = read_stat(process.pid)
        if stat is None or stat.started != process.started:
            continue
        if stat.state == "Z":
            zombies += 1
            continue
        count += 1
        fds += _open_files(process.pid)
        threads += stat.threads
        cpu += stat.cpu
        without_a_core += waited(process.pid)
    return Figures(
        processes=count,
        fds=fds,
        threads=threads,
        cpu=cpu,
        waited=without_a_core,
        zombies=zombies,
    )


def memory(processes: Iterable[Identity]) -> tuple[int, int]:
    """Bytes resident and proportional share, summed over the processes that are still alive."""
    found = [_memory(process.pid) for process in processes if process.alive()]
    return sum(resident for resident, _ in found), sum(proportional for _, proportional in found)


def is_stopped(pid: int) -> bool:
    """Whether every thread of a process is stopped (or it is gone).

    SIGSTOP takes effect in each thread when the kernel next looks at it: until then a thread goes on working.
    """
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except _HIDDEN:
        return True
    stats = (read_stat(pid, thread=int(thread)) for thread in threads)
    return all(stat is None or stat.state in "TtZX" for stat in stats)


def socket_owners(inodes: Iterable[int]) -> list[int]:
    """Pids of the processes that hold one of these sockets, ascending. Processes of others cannot be looked into."""
    return sorted({pid for pids in socket_holders(inodes).values() for pid in pids})


def socket_holders(inodes: Iterable[int]) -> dict[int, list[int]]:
    """Inode of each of these sockets that is held to the pids of those who do, ascending; one pass over /proc."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes if inode}
    holders: dict[int, list[int]] = {}
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()) if wanted else ():
        for link in wanted.keys() & _links(f"/proc/{pid}/fd"):
            holders.setdefault(wanted[link], []).append(pid)
    return holders


def innermost(pids: Iterable[int]) -> list[int]:
    """Those from which no other descends, ascending: of a master and its workers, the workers."""
    stats = [stat for stat in map(read_stat, sorted(set(pids))) if stat is not None and stat.state not in "ZX"]
    above: set[int] = set()
    for stat in stats:
        parent = stat.parent
        while parent and parent not in above:
            above.add(parent)
            found = read_stat(parent)
            parent = 0 if found is None else found.parent
    return [stat.pid for stat in stats if stat.pid not in above]


def command_line(pid: int) -> str:
    """The words that a process was started with, joined by spaces; "" where it has ended or may not be looked into."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb", buffering=0) as file:
            content = file.read()
    except _HIDDEN:
        return ""
    return content.rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", errors="replace")


def processes_with(*, variable: str, value: str) -> list[Identity]:
    """The processes that were started with this environment variable, as far as they may be looked into."""
    marker = f"{variable}={value}".encode()
    found = []
    for stat in all_stats():
        try:
            with open(f"/proc/{stat.pid}/environ", "rb") as file:
                content = file.read()
        except _HIDDEN:
            continue
        if marker in content.split(b"\0"):
            found.append(stat.identity)
    return found


def _open_files(pid: int) -> int:
    """Open file descriptors: since Linux 6.2 the directory's size; before, that is 0 and they have to be listed."""
    try:
        return os.stat(f"/proc/{pid}/fd").st_size or len(os.listdir(f"/proc/{pid}/fd"))
    except _HIDDEN:
        return 0


def _memory(pid: int) -> tuple[int, int]:
    """Bytes resident and proportional share (0 where the kernel will not say).

    smaps_rollup walks the page tables and is exact; the counters in stat and statm lag by up to 64 pages a thread.
    """
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb", buffering=0) as file:
            lines = file.read().splitlines()
        sizes = {line.split(b":")[0]: int(line.split()[1]) * 1024 for line in lines[1:]}
        return sizes[b"Rss"], sizes[b"Pss"]
    except (*_HIDDEN, KeyError):
        pass
    try:
        with open(f"/proc/{pid}/statm", "rb", buffering=0) as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE"), 0
    except _HIDDEN:
        return 0, 0


def _links(directory: str) -> set[str]:
    """What the symbolic links in a directory point to; empty where it may not be read."""
    targets: set[str] = set()
    try:
        names = os.listdir(directory)
    except _HIDDEN:
        return targets
    for name in names:
        try:
            targets.add(os.readlink(f"{directory}/{name}"))
        except _HIDDEN:
            continue
    return targets
