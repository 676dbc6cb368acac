"""Servers and a crowd worker that an agent started: in its network namespace, and for it to stop and to kill."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import Any

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.agent.own_disk import on_own_disk
from chaos.agent.types import Spawned
from chaos.crowd.handle import CrowdHandle
from chaos.crowd.plan import ClientPlan
from chaos.faults.evidence import POLL
from chaos.rpc import RpcClient
from tests.unit.faults.stage import Direct

__all__ = [
    "FORKING",
    "SHEDDING",
    "PartingLink",
    "SpawnedServer",
    "SpawnedWorker",
    "inside_of",
    "parting_link",
    "start_server",
]

START_WITHIN = 10.0
"""Seconds for a Python to start and listen: 0.2 s on two idle cores."""

ROOT = Path(__file__).resolve().parents[3]
WEBSOCKET = ROOT / "tests/unit/agent/websocket_server.py"
PARTING = Path(__file__).with_name("parting_proxy.py")
FORKING = Path(__file__).with_name("forking_server.py")
SHEDDING = Path(__file__).with_name("shedding_server.py")


@dataclass(frozen=True, slots=True)
class SpawnedServer:
    """A server that an agent started."""

    address: Address
    pid: int


class SpawnedWorker:
    """A crowd worker that an agent started: what a `WorkerProcess` does, in the agent's network."""

    def __init__(self, rpc: RpcClient) -> None:
        self._rpc = rpc

    async def call(self, method: str, /, *args: Any, within: float, **kwargs: Any) -> Any:
        async with asyncio.timeout(within):
            return await self._rpc.call(method, *args, **kwargs)

    async def create(self, name: str, plan: ClientPlan, count: int) -> CrowdHandle:
        await self._rpc.call("create", name, plan, count)
        return CrowdHandle(name, plan, count, self)

    async def kill(self) -> int:
        raise AssertionError("this worker is not meant to be killed")


@contextlib.asynccontextmanager
async def start_server(
    agent: AsyncAgent,
    port: int,
    directory: Path,
    *,
    script: Path = WEBSOCKET,
    name: str = "server",
    environment: Mapping[str, str] | None = None,
    disk: Path | None = None,
) -> AsyncIterator[SpawnedServer]:
    """A server that listens, killed in the end with all that it forked.

    `environment` is added to its own; `disk` is where it finds a disk of its own.
    """
    log = directory / f"{name}.log"
    spawned = await _spawn(agent, [str(script), str(port)], name, log, environment, disk=disk)
    try:
        await _until_said(log, "listening")
        yield SpawnedServer(Address("127.0.0.1", port), spawned.pid)
    finally:
        await agent.signal([spawned.pid], Signals.SIGKILL, tree=True)
        await agent.wait(spawned.pid, timeout=START_WITHIN)


@contextlib.asynccontextmanager
async def inside_of(agent: AsyncAgent, directory: Path) -> AsyncIterator[Direct]:
    """A server and a worker in a hermetic agent's network; both are gone when this ends."""
    socket = directory / "crowd.sock"
    async with start_server(agent, 8765, directory) as server:
        log = directory / "worker.log"
        worker = await _spawn(agent, ["-m", "chaos.crowd.worker", f"--socket={socket}"], "worker", log)
        await _until_said(log, "ready")
        async with await RpcClient.connect(socket, name="the worker") as rpc:
            yield Direct(server.address, SpawnedWorker(rpc), agent)
        # It ends with its caller.
        await agent.wait(worker.pid, timeout=START_WITHIN)


@dataclass(frozen=True, slots=True)
class PartingLink:
    """A link through `parting_proxy.py`: what `Reset` asks of one."""

    address: Address
    pid: int
    agent: AsyncAgent
    log: Path

    async def prepare_reset(self) -> None:
        pass

    async def reset_all(self) -> None:
        await self.agent.signal([self.pid], Signals.SIGUSR1)
        await _until_said(self.log, "parting")

    async def end_reset(self) -> None:
        pass

    async def toxics(self) -> tuple[()]:
        return ()


@contextlib.asynccontextmanager
async def parting_link(agent: AsyncAgent, server: Address, parting: str, directory: Path) -> AsyncIterator[PartingLink]:
    """A proxy in the agent's network that ends connections by RST to the client, and by `parting` to the server."""
    log, port = directory / "parting.log", server.port + 1
    spawned = await _spawn(agent, [str(PARTING), str(port), str(server.port), parting], "parting", log)
    try:
        await _until_said(log, "listening")
        yield PartingLink(Address("127.0.0.1", port), spawned.pid, agent, log)
    finally:
        await agent.signal([spawned.pid], Signals.SIGKILL)
        await agent.wait(spawned.pid, timeout=START_WITHIN)


async def _spawn(
    agent: AsyncAgent,
    arguments: list[str],
    name: str,
    log: Path,
    extra: Mapping[str, str] | None = None,
    *,
    disk: Path | None = None,
) -> Spawned:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **(extra or {})}
    argv = [sys.executable, *arguments]
    return await agent.spawn(argv if disk is None else on_own_disk(argv, disk), name=name, log=log, env=environment)


async def _until_said(log: Path, word: str) -> None:
    async with asyncio.timeout(START_WITHIN):
        while not _says(log, word):  # noqa: ASYNC110  # another process writes it
            await asyncio.sleep(POLL)


def _says(log: Path, word: str) -> bool:
    return word in log.read_text()
