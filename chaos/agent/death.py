"""Why nothing outlives its owner: when the agent has to end, and how it takes everything it started along.

As PID 1 of a pid namespace the kernel does it: when PID 1 ends, however it ends, everything inside is killed. Elsewhere
the agent is the subreaper of all it started, so that whatever daemonises is still found below it, and kills the tree
before it ends. Only SIGKILL of such an agent leaves grandchildren: those carry marks in their environment by which the
launching side finds them (hermetic.AgentProcess.close, and the next run's reap).
"""

from __future__ import annotations

import asyncio
import os
import signal

from chaos.agent.identity import Identity, own_pid
from chaos.agent.killing import kill_all
from chaos.agent.processes import descendants
from chaos.errors import AgentError

__all__ = ["kill_descendants", "until_told_to_end"]

_OWNER_CHECK_EVERY = 1.0
"""Seconds. End of file on the control pipe tells at once; this is for an owner whose pipe another process inherited."""


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
    """Kill everything below this process; the pids of what is left after `within` seconds (empty: nothing)."""
    if os.getpid() == 1:
        return []  # the kernel does it when PID 1 ends, and nothing escapes it
    return kill_all(lambda: [stat.identity for stat in descendants([own_pid()])[1:]], within=within)
