"""A whole scene on loopback: a server that says how its connections ended, a link of either kind, clients, an agent."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.protocol import State

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.agent.hermetic import AgentProcess, launch_agent
from chaos.agent.isolation import Isolation
from chaos.crowd.handle import CrowdHandle
from chaos.crowd.plan import ClientPlan, PhaseTimeouts
from chaos.crowd.worker import Worker
from chaos.faults.base import Fault, Scene, applied
from chaos.journal import Healing, JournalWriter, Outcome, Receipt, read_journal
from chaos.links.link import Link
from chaos.server_view import ServerView
from chaos.target import Echo

__all__ = [
    "IMPATIENCE",
    "PATIENCE",
    "SOME_PATIENCE",
    "Deaf",
    "Direct",
    "DirectLink",
    "Holder",
    "InProcess",
    "Witness",
    "agent_process",
    "connect_victims",
    "echo_server",
    "make_scene",
    "make_victims",
    "run_fault",
    "run_with_broken_body",
    "until_kept_alone",
]

PATIENCE = 2.0
"""Seconds until a wait for something that must come on loopback is given up; it takes milliseconds."""

IMPATIENCE = 0.2
"""Seconds until a wait for something that must not come is given up: a hundred times what it would take."""

SOME_PATIENCE = 0.6
"""Seconds of patience where one thing has to come through a link, and the wait for another takes all the patience."""

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
async def echo_server(
    connection: type[ServerConnection] = ServerConnection, *, context: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[Address, Server]]:
    """A server that echoes, answers pings, and sends nothing of its own; over TLS where it is given a context."""

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
        ssl=context,
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

    async def kill(self) -> int:
        raise AssertionError("this process is the test's own")

    async def close(self) -> None:
        for name in list(self._worker._crowds):
            await self._worker.remove(name)
        self._worker.connection_lost()


class Holder(Protocol):
    """What makes crowds: a worker of any kind."""

    async def create(self, name: str, plan: ClientPlan, count: int, /) -> CrowdHandle: ...


def make_scene(
    server: Address, link: Link | None = None, *, patience: float = PATIENCE, pids: tuple[int, ...] = (), **parts: Any
) -> Scene:
    """Everything that a fault may touch."""
    view = ServerView(address=server, port=server.port, root_pids=pids)
    return Scene(server=view, echo=Echo(path="/"), patience=patience, link=link, **parts)


@dataclass(frozen=True, slots=True)
class DirectLink:
    """The path without a proxy: clients connect to the server itself."""

    address: Address


AnyLink = Link | DirectLink
"""A path from clients to a server."""


async def make_victims(worker: Holder, link: AnyLink, count: int = 3, **changes: Any) -> CrowdHandle:
    """Clients that will connect through the link; `changes` are fields of their plan."""
    tls = PATIENCE if "tls" in changes else None
    timeouts = PhaseTimeouts(tcp=PATIENCE, tls=tls, handshake=PATIENCE, first_message=PATIENCE)
    talk: dict[str, Any] = {"send": "hello {n}", "expect": "hello {n}", "first_message": True}
    return await worker.create(
        "victims", ClientPlan(address=link.address, timeouts=timeouts, **(talk | changes)), count
    )


async def connect_victims(worker: Holder, link: AnyLink, count: int = 3, **changes: Any) -> CrowdHandle:
    """Clients through the link, all open and answered."""
    victims = await make_victims(worker, link, count, **changes)
    assert [attempt.outcome for attempt in await victims.connect()] == [Outcome.OPEN] * count
    return victims


@dataclass(frozen=True, slots=True)
class Direct:
    """Clients on the path without a proxy: what they do to TCP is what the server's kernel sees."""

    server: Address
    worker: Holder
    agent: AsyncAgent

    async def connect(self, count: int = 3, **changes: Any) -> CrowdHandle:
        """Clients that are open and answered; `changes` are fields of their plan."""
        return await connect_victims(self.worker, DirectLink(self.server), count, **changes)

    def scene(self, victims: CrowdHandle | None, *, patience: float = PATIENCE, **parts: Any) -> Scene:
        return make_scene(self.server, patience=patience, victims=victims, agent=self.agent, **parts)


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


async def run_with_broken_body(fault: Fault, scene: Scene, directory: Path) -> Healing:
    """Inject, raise in the body, and see that the body's own error comes out; how the fault healed all the same."""

    def fail() -> None:
        raise ZeroDivisionError("the body's own")

    with pytest.raises(ZeroDivisionError, match=r"^the body's own$"):
        await run_fault(fault, scene, directory, fail)
    healing = read_journal(directory).last(Healing)
    assert healing is not None
    return healing


async def until_kept_alone(victims: CrowdHandle) -> None:
    """Wait until the server has ended every connection, by FIN or at last by RST; each client keeps its socket."""
    async with asyncio.timeout(PATIENCE):
        while {state.state for state in (await victims.socket_states()).values()} - {"CLOSE_WAIT", "CLOSE"}:  # noqa: ASYNC110  # the kernel tells nobody
            await asyncio.sleep(0.005)
    assert len(await victims.socket_states()) == victims.size


@contextlib.contextmanager
def agent_process(isolation: Isolation) -> Iterator[AgentProcess]:
    """An agent whose sockets are in a directory with a path short enough for them."""
    directory = Path(tempfile.mkdtemp(prefix="chaos-unit-"))
    try:
        with launch_agent(socket=directory / "agent.sock", isolation=isolation) as process:
            yield process
    finally:
        shutil.rmtree(directory)
