"""Requests about the journal: opening and closing a cell's segment, and the samples that go into it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from chaos.agent.fields import Field, directory, listed, optional, pid, port, seconds, text
from chaos.agent.reading import Reader
from chaos.agent.recorder import Recorder
from chaos.agent.sampler import Plan, Sampler
from chaos.agent.server import Operation
from chaos.agent.spawner import Spawner
from chaos.errors import AgentError

__all__ = ["recording_operations"]

_SHORTEST_INTERVAL = 0.005
"""Seconds: below that a reading of 1,000 connections (2 to 3 ms) would take most of the time."""


def recording_operations(
    recorder: Recorder, sampler: Sampler, spawner: Spawner, reader: Reader
) -> dict[str, Operation]:
    async def open_cell(directory: Path, run: str, cell: str) -> object:
        return str(recorder.open(directory, run=run, cell=cell))

    async def close_cell() -> object:
        recorder.close()
        return None

    async def sample(root_pids: Sequence[int] | None, name: str | None, port: int) -> object:
        at = time.monotonic()
        return {"at": at, **reader.read(_roots(spawner, root_pids, name)(), port, fresh=True)}

    async def sample_every(interval: float, root_pids: Sequence[int] | None, name: str | None, port: int) -> object:
        roots = _roots(spawner, root_pids, name)
        sampler.start(Plan(interval=interval, port=port, roots=roots, name=name))
        return None

    async def sample_stop() -> object:
        sampler.stop()
        return None

    server = {"root_pids": optional(listed(pid)), "name": optional(text), "port": Field(port)}
    return {
        "open_cell": Operation(open_cell, {"directory": Field(directory), "run": Field(text), "cell": Field(text)}),
        "close_cell": Operation(close_cell, {}),
        "sample": Operation(sample, server),
        "sample_every": Operation(sample_every, {"interval": Field(_interval), **server}),
        "sample_stop": Operation(sample_stop, {}),
    }


def _interval(value: object) -> float:
    if seconds(value) < _SHORTEST_INTERVAL:
        raise ValueError(f"at least {_SHORTEST_INTERVAL:g} s")
    return seconds(value)


def _roots(spawner: Spawner, root_pids: Sequence[int] | None, name: str | None) -> Callable[[], Sequence[int]]:
    """Where the server's root pids come from: fixed ones, or whatever the agent last spawned under a name."""
    if (root_pids is None) == (name is None):
        raise AgentError("a server is named by root_pids or by the name it was spawned under; give exactly one of them")
    if root_pids is not None:
        fixed = root_pids
        return lambda: fixed
    wanted = str(name)

    def by_name() -> Sequence[int]:
        living = spawner.living(wanted)
        return () if living is None else (living.pid,)

    return by_name
