"""A whole scene on loopback: a server that says how its connections ended, a link of either kind, clients, an agent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.protocol import State

from chaos.address import Address
from chaos.crowd.handle import CrowdHandle
from chaos.crowd.plan import ClientPlan, PhaseTimeouts
from chaos.crowd.worker import Worker
from chaos.faults.base import Fault, Scene, applied
from chaos.journal import Healing, JournalWriter, Outcome, Receipt
from chaos.links.link import Link
from chaos.server_view import ServerView
from chaos.target import Echo

__all__ = ["PATIENCE", "Deaf", "InProcess", "Witness", "connect_victims", "echo_server", "make_scene", "run_fault"]

PATIENCE = 2.0
"""Seconds until a wait for something that must come on loopback is given up; it takes milliseconds."""

_FILES = 1024


class Witness(ServerConnection):
    """A server's connection that remembers how it ended."""

    ends: list[str]

    def connection_lost(self, exc: Exception | None) -> None:
        type(self).ends.append("FIN" if exc is None else type(exc).__name__)
        super().connection_lost(exc)


class Deaf(ServerConnection):
    """A server's connection that makes the handshake and then hears nothing: no ping gets its pong."""

    def data_received(self, data: bytes) -> None:
        if self.protocol.state is not State.OPEN:
            super().data_received(data)


@contextlib.asynccontextmanager
async def echo_server(connection: type[ServerConnection] = ServerConnection) -> AsyncIterator[tuple[Address, Server]]:
    """A server that echoes, answers pings, and sends nothing of its own."""

    async def echo(peer: ServerConnection) -> None:
        async for message in peer:
            await peer.send(message)

    async with serve(
        echo,
        "127.0.0.1",
        0,
        create_connection=connection,
        compression=None,
        ping_interval=None,
        close_timeout=PATIENCE / 10,  # what a deaf connection adds to the end of its test
    ) as started:
        host, port = next(iter(started.sockets)).getsockname()
        yield Address(host, port), started


class InProcess:
    """A crowd worker in this process: what a `WorkerProcess` does, without the process."""

    def __init__(self) -> None:
        self._worker = Worker(file_limit=_FILES)

    async def call(self, method: str, /, *args: Any, within: float, **kwargs: Any) -> Any:
        async with asyncio.timeout(within):
            return await getattr(self._worker, method)(*args, **kwargs)

    async def create(self, name: str, plan: ClientPlan, count: int) -> CrowdHandle:
        await self._worker.create(name, plan, count)
        return CrowdHandle(name, plan, count, self)

    async def close(self) -> None:
        for name in list(self._worker._crowds):
            await self._worker.remove(name)
        self._worker.connection_lost()


def make_scene(server: Address, link: Link | None, *, patience: float = PATIENCE, **parts: Any) -> Scene:
    """Everything that a network fault may touch."""
    view = ServerView(address=server, port=server.port, root_pids=())
    return Scene(server=view, echo=Echo(path="/"), patience=patience, link=link, **parts)


async def connect_victims(worker: InProcess, link: Link, count: int = 3) -> CrowdHandle:
    """Clients through the link, all open and answered."""
    timeouts = PhaseTimeouts(tcp=PATIENCE, handshake=PATIENCE, first_message=PATIENCE)
    plan = ClientPlan(address=link.address, timeouts=timeouts, send="hello {n}", expect="hello {n}", first_message=True)
    victims = await worker.create("victims", plan, count)
    assert [attempt.outcome for attempt in await victims.connect()] == [Outcome.OPEN] * count
    return victims


async def run_fault(
    fault: Fault, scene: Scene, directory: Path, during: Callable[[], Any] = lambda: None
) -> tuple[Receipt, Healing]:
    """Inject, call (and await) something, heal; what the fault has to show for both."""
    with JournalWriter(directory, role="test", run="run", cell="cell") as journal:
        async with applied(fault, scene, journal) as held:
            result = during()
            if asyncio.iscoroutine(result):
                await result
        assert held.healing is not None
        return held.receipt, held.healing
