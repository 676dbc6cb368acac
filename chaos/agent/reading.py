"""One reading of the truth about a server: its kernel sockets by state, and what its processes use."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from chaos.agent.identity import Identity
from chaos.agent.processes import descendants, measure, memory
from chaos.agent.scheduling import CORES, machine_busy
from chaos.agent.sockdiag import SockDiag

__all__ = ["Reader", "unlimited"]

_TREE_FRESH = 0.5
"""Seconds that a process tree is taken for unchanged although processes or threads were started: walking /proc takes
15 us for each process of the machine, which is too much for every sample. A new child shows up that much late."""

_MEMORY_SHARE = 0.01
"""Share of a core that reading memory takes: the kernel walks the page tables of the server for it, 1 to 2 ms for 50
MB, and holds up what the server maps meanwhile. So it is read every 0.1 to 0.2 s, of one of a gigabyte every few
seconds, and at once where somebody asks for a single sample, or where a process has come or gone."""


def unlimited() -> float:
    """Seconds for which nobody was kept from running, where no limit is ours."""
    return 0.0


class Reader:
    """Takes samples of one server. Not for use from several threads."""

    def __init__(self, *, throttled: Callable[[], float] = unlimited) -> None:
        """`throttled`: seconds so far for which our own limits kept anybody from running; from any thread."""
        self._throttled = throttled
        self._sockets: SockDiag | None = None
        self._tree: list[Identity] = []
        self._roots: tuple[int, ...] = ()
        self._newest = -1
        self._read_at = 0.0
        self._held = 0, 0
        """Bytes resident and proportional share, as they were read last."""
        self._holders: tuple[list[Identity], int] = [], 0
        """Whose that was, and how many of them were alive."""
        self._held_until = 0.0
        """When it may be read again."""

    def close(self) -> None:
        if self._sockets is not None:
            self._sockets.close()

    def read(self, roots: Sequence[int], port: int, *, fresh: bool = False) -> dict[str, Any]:
        """The fields of a Sample: `took` is the seconds this took, and thereby its uncertainty in time.

        Connections of the suite's own are in none of them, nor are the file descriptors that the server has for those.
        `fresh`: walk the process tree again, and read its memory again, whatever was seen before.
        """
        if self._sockets is None:
            self._sockets = SockDiag()
        began = time.perf_counter()
        sockets, own = self._sockets.held(port)
        tree = self._processes(tuple(roots), fresh=fresh)
        figures = measure(tree)
        rss, pss = self._memory(tree, figures.processes, fresh=fresh)
        return {
            "took": time.perf_counter() - began,
            "sockets": sockets,
            "processes": figures.processes,
            "zombies": figures.zombies,
            # Zero where its processes are out of sight, and then theirs are none of ours.
            "fds": max(0, figures.fds - own),
            "threads": figures.threads,
            "rss": rss,
            "pss": pss,
            "cpu": figures.cpu,
            "waited": figures.waited,
            "throttled": self._throttled(),
            "busy": machine_busy(),
            "cores": CORES,
        }

    def _processes(self, roots: tuple[int, ...], *, fresh: bool) -> list[Identity]:
        """The roots and their descendants; /proc is walked only when a process may have come or gone."""
        newest, now = _newest_pid(), time.monotonic()
        unchanged = newest == self._newest or now - self._read_at < _TREE_FRESH
        if fresh or roots != self._roots or not unchanged or not all(process.alive() for process in self._tree):
            self._tree = [stat.identity for stat in descendants(roots)]
            self._roots, self._newest, self._read_at = roots, newest, now
        return self._tree

    def _memory(self, tree: list[Identity], alive: int, *, fresh: bool) -> tuple[int, int]:
        """Bytes resident and proportional share; what was read before where it is too soon to read it again."""
        now = time.monotonic()
        if fresh or now >= self._held_until or self._holders != (tree, alive):
            self._held, self._holders = memory(tree), (tree, alive)
            self._held_until = now + (time.monotonic() - now) / _MEMORY_SHARE
        return self._held


def _newest_pid() -> int:
    """The pid or thread id given out last in this pid namespace (proc_loadavg(5)): it moves with every fork."""
    with open("/proc/loadavg", "rb", buffering=0) as file:
        return int(file.read().split()[-1])
