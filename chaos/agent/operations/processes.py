"""Requests about processes: spawn, wait, spawned, signal, tree, commands, who listens on a port and who serves whom."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from signal import Signals

from chaos.agent.fields import Field, directory, environment, flag, listed, nearest, optional, pid, port, seconds, text
from chaos.agent.identity import Identity, own_pid, send_signal
from chaos.agent.processes import (
    command_line,
    descendants,
    innermost,
    is_stopped,
    read_stat,
    socket_holders,
    socket_owners,
)
from chaos.agent.records import to_record
from chaos.agent.server import Operation
from chaos.agent.sockdiag import SockDiag
from chaos.agent.spawner import Spawner
from chaos.errors import AgentError

__all__ = ["process_operations"]

_STOP_WITHIN = 2.0
"""Seconds: a running thread stops within microseconds, one that the kernel keeps busy within a time slice."""
_LOOK_EVERY = 0.001
"""Seconds between two looks at threads that are about to stop."""


def process_operations(spawner: Spawner, sockets: Callable[[], SockDiag]) -> dict[str, Operation]:
    async def spawn(argv: Sequence[str], name: str, log: Path, cwd: Path, env: Mapping[str, str] | None) -> object:
        return to_record(await spawner.spawn(argv, name=name, log=log, cwd=cwd, env=env))

    async def spawned() -> object:
        return [to_record(found) for found in spawner.records()]

    async def wait(pid: int, timeout: float | None) -> object:
        return {"exit_code": await spawner.wait(pid, timeout=timeout)}

    async def send(pids: Sequence[int], signal: Signals, tree: bool) -> object:
        reached = _signal(pids, signal, tree=tree)
        if signal is Signals.SIGSTOP:
            await _until_stopped(reached)
        return {"signalled": reached}

    async def tree(pid: int) -> object:
        return [stat.pid for stat in descendants([pid]) if stat.state != "Z"]

    async def listen_pids(port: int) -> object:
        return socket_owners(info.inode for info in sockets().listeners(port))

    async def commands(pids: Sequence[int]) -> object:
        return [[stat.pid, command_line(stat.pid)] for stat in descendants(pids) if stat.state != "Z"]

    async def serving(port: int) -> object:
        listening = socket_owners(info.inode for info in sockets().listeners(port))
        held = {info.inode: info.remote for info in sockets().sockets(port) if info.inode and info.side == "local"}
        holders = socket_holders(held)
        # Where a master accepts and hands on, as node's cluster does, no worker holds the listener.
        alone = {pids[0] for pids in holders.values() if len(pids) == 1}
        taking = alone.union(listening)
        workers = innermost(taking)
        return {
            "pids": workers,
            "above": [pid for pid in sorted(taking.difference(workers)) if read_stat(pid) is not None],
            "held": [[list(held[inode]), pids] for inode, pids in holders.items()],
        }

    return {
        "spawn": Operation(
            spawn,
            {
                "argv": Field(listed(text, least=1)),
                "name": Field(text),
                "log": Field(directory),
                "cwd": optional(directory, Path("/")),
                "env": optional(environment),
            },
        ),
        "spawned": Operation(spawned, {}),
        "wait": Operation(wait, {"pid": Field(pid), "timeout": optional(seconds)}, patient=True),
        "signal": Operation(
            send, {"pids": Field(listed(pid)), "signal": Field(_signal_number), "tree": optional(flag, default=False)}
        ),
        "tree": Operation(tree, {"pid": Field(pid)}),
        "commands": Operation(commands, {"pids": Field(listed(pid))}),
        "serving": Operation(serving, {"port": Field(port)}),
        "listen_pids": Operation(listen_pids, {"port": Field(port)}),
    }


def _signal_number(value: object) -> Signals:
    names = [known.name for known in Signals]
    if isinstance(value, str) and value in names:
        return Signals[value]
    if isinstance(value, int) and not isinstance(value, bool) and value in list(Signals):
        return Signals(value)
    hint = nearest(str(value).upper(), names)
    raise ValueError(f"a signal's number or name such as SIGTERM{hint}")


def _signal(pids: Sequence[int], number: Signals, *, tree: bool) -> list[int]:
    """Send the signal to all of them that live; those that got it. A tree is gone through again until nobody is new."""
    got: dict[Identity, None] = {}
    while True:
        found = descendants(pids) if tree else list(filter(None, map(read_stat, pids)))
        living = [stat.identity for stat in found if stat.state != "Z"]
        new = [process for process in living if process not in got]
        for process in new:
            _refuse_own(process.pid, number)
        reached = [process for process in new if _deliver(process, number)]
        got.update(dict.fromkeys(reached))
        if not tree or not reached:
            return [process.pid for process in got]


async def _until_stopped(pids: Sequence[int]) -> None:
    """Return once no thread of these processes runs any more; until then a stopped server may still answer."""
    deadline = time.monotonic() + _STOP_WITHIN
    while running := [pid for pid in pids if not is_stopped(pid)]:
        if time.monotonic() >= deadline:
            raise AgentError(
                f"pids {running} got SIGSTOP and still run after {_STOP_WITHIN:g} s: "
                "a thread is in an uninterruptible sleep, usually of a disk or a network file system"
            )
        await asyncio.sleep(_LOOK_EVERY)


def _deliver(process: Identity, number: Signals) -> bool:
    try:
        delivered = send_signal(process, number)
    except PermissionError as error:
        raise AgentError(
            f"pid {process.pid} belongs to another user, and the agent may not signal it; "
            "start the agent as that user or as root"
        ) from error
    if not delivered and process.alive():
        raise AgentError(
            f"pid {process.pid} is outside the agent's pid namespace ({os.readlink('/proc/self/ns/pid')}), "
            "so the agent cannot signal it; signal what the agent spawned"
        )
    return delivered


def _refuse_own(pid: int, number: Signals) -> None:
    ancestor: int | None = own_pid()
    while ancestor:
        if ancestor == pid:
            raise AgentError(f"pid {pid} is the agent itself or above it; it does not send itself {number.name}")
        stat = read_stat(ancestor)
        ancestor = stat.parent if stat is not None else None
