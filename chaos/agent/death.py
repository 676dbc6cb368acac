"""Why nothing outlives its owner: when the agent has to end, and how it takes everything it started along.

As PID 1 of a pid namespace the kernel does it: when PID 1 ends, however it ends, everything inside is killed. Elsewhere
the agent is the subreaper of all it started, so that whatever daemonises is still found below it, and kills the tree
before it ends. Only SIGKILL of such an agent leaves grandchildren: those carry marks in their environment by which the
launching side finds them (hermetic.AgentProcess.close, and the next run's reap).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time

from chaos.agent.identity import Identity, own_pid, send_signal
from chaos.agent.processes import descendants
from chaos.errors import AgentError

__all__ = ["kill_descendants", "until_told_to_end"]

_OWNER_CHECK_EVERY = 1.0
"""Seconds. End of file on the control pipe tells at once; this is for an owner whose pipe another process inherited."""
_KILL_ROUND = 0.01
"""Seconds between two looks at who is left: a killed process takes about 1 ms to end."""


async def until_told_to_end(*, control: int, owner: Identity | None) -> str:
    """Wait until the control pipe reaches its end, the owner is gone, or SIGTERM, SIGINT or SIGHUP come; the reason.

    Raises AgentError when the control descriptor is nothing that an owner could hold the other end of.
    """
    loop = asyncio.get_running_loop()
    told: asyncio.Future[str] = loop.create_future()

    def tell(reason: str) -> None:
        if not told.done():
            told.set_result(reason)

    def readable() -> None:
        if not os.read(control, 4096):
            loop.remove_reader(control)
            tell("its owner closed the control pipe")

    try:
        os.set_blocking(control, False)
        loop.add_reader(control, readable)
    except OSError as error:  # closed, /dev/null or a file: it would never tell of an owner's death
        raise AgentError("the agent's standard input must be a pipe whose other end its owner holds open") from error
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, tell, f"it got {number.name}")
    watch = asyncio.create_task(_until_gone(owner)) if owner is not None else None
    if watch is not None:
        watch.add_done_callback(lambda _: tell("its owner is gone"))
    try:
        return await told
    finally:
        loop.remove_reader(control)
        if watch is not None:
            watch.cancel()


async def _until_gone(owner: Identity) -> None:
    while owner.alive():  # noqa: ASYNC110 - a process in another pid namespace gives no event to wait for
        await asyncio.sleep(_OWNER_CHECK_EVERY)


def kill_descendants(*, within: float) -> list[int]:
    """Kill everything below this process; the pids of what is left after `within` seconds (empty: nothing).

    Stopped first, all of them, again and again until no new one turns up: a process that forks as fast as it is killed
    would otherwise get away. Zombies are buried on the way.
    """
    if os.getpid() == 1:
        return []  # the kernel does it better when PID 1 ends
    deadline = time.monotonic() + within
    while True:
        _stop_all()
        for process in _below():
            _send(process, signal.SIGKILL)
        _bury()
        left = [process.pid for process in _below()]
        if not left or time.monotonic() >= deadline:
            return left
        time.sleep(_KILL_ROUND)


def _stop_all() -> None:
    stopped: set[Identity] = set()
    while new := [process for process in _below() if process not in stopped]:
        for process in new:
            _send(process, signal.SIGSTOP)
        stopped.update(new)


def _send(process: Identity, number: signal.Signals) -> None:
    with contextlib.suppress(PermissionError):  # it became another user's; it is named as left over
        send_signal(process, number)


def _below() -> list[Identity]:
    return [stat.identity for stat in descendants([own_pid()])[1:] if stat.state != "Z"]


def _bury() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return
