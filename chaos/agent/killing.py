"""Killing a set of processes that keeps changing while it is being killed."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterable

from chaos.agent.identity import Identity, send_signal
from chaos.agent.processes import read_stat

__all__ = ["kill_all"]

_ROUND = 0.005
"""Seconds between two looks at who is left: a killed process takes about 1 ms to end."""
_QUIET_ROUNDS = 2
"""A process that forks and ends between the listing of /proc and the look at it hides its child from that one look."""


def kill_all(find: Callable[[], Iterable[Identity]], *, within: float) -> list[int]:
    """Kill whatever `find` finds until it finds nothing more and all it ever found is dead.

    Everything is stopped before anything is killed, or those that revive each other would take turns. Returns the pids
    of what lives after `within` seconds (empty: nothing). What forks and ends faster than /proc can be read, each
    process living for less than a millisecond, can get away: only a pid namespace holds that.
    """
    deadline = time.monotonic() + within
    met: set[Identity] = set()
    quiet = 0
    while True:
        met.update(find())
        left = [process for process in met if _lives(process)]
        quiet = 0 if left else quiet + 1
        if quiet == _QUIET_ROUNDS or time.monotonic() >= deadline:
            return sorted(process.pid for process in left)
        _stop_all(find, met)
        for process in met:
            _send(process, signal.SIGKILL)
        time.sleep(_ROUND)


def _stop_all(find: Callable[[], Iterable[Identity]], met: set[Identity]) -> None:
    """Stop all of them, and those that they started in the meantime, until nobody is new; `met` grows by those."""
    new = set(met)
    while new:
        for process in new:
            _send(process, signal.SIGSTOP)
        new = set(find()) - met
        met |= new


def _send(process: Identity, number: signal.Signals) -> None:
    with contextlib.suppress(PermissionError):  # it has become another user's, and will be named as left over
        send_signal(process, number)


def _lives(process: Identity) -> bool:
    """A zombie is dead: it holds nothing but its exit code."""
    stat = read_stat(process.pid)
    return stat is not None and stat.started == process.started and stat.state not in "ZX"
