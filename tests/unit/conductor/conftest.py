"""A conductor and what it works on: a server, a proxy and an upstream, all real and on loopback."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from websockets.asyncio.server import Server

from chaos.address import Address
from chaos.agent.isolation import Isolation, Kind
from chaos.conductor.setup import ConductorSetup
from chaos.crowd.process import WorkerProcess
from chaos.links.traits import LinkKind
from chaos.rpc import serve
from tests.unit.conductor.deployment import Stage, make_setup
from tests.unit.faults.stage import Witness, agent_process, echo_server
from tests.unit.faults.upstreams import ScriptedUpstream, scripted_upstream
from tests.unit.links.servers import running


@pytest.fixture(scope="session")
def proxy() -> Iterator[Address]:
    """The API of an embedded proxy."""
    with running(LinkKind.EMBEDDED) as (api, _):
        yield api


@pytest.fixture(scope="session")
def agent_socket() -> Iterator[Path]:
    """An agent of this network namespace."""
    with agent_process(Isolation(Kind.PLAIN)) as process:
        yield process.socket


@pytest.fixture
def private() -> Iterator[Path]:
    """A directory of mode 0700 with a path short enough for unix sockets."""
    path = Path(tempfile.mkdtemp(prefix="chaos-unit-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
async def ends() -> list[str]:
    """How the server's connections ended, in the server's own eyes: "FIN", or the exception's name."""
    return []


@pytest.fixture
async def serving(ends: list[str]) -> AsyncIterator[tuple[Address, Server]]:
    """A WebSocket server that echoes, and what it knows of itself."""
    async with echo_server(type("Witness", (Witness,), {"ends": ends})) as made:
        yield made


@pytest.fixture
def server(serving: tuple[Address, Server]) -> Address:
    return serving[0]


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    async with scripted_upstream() as made:
        yield made


@pytest.fixture(autouse=True)
async def started(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[WorkerProcess]]:
    """Every crowd worker that was started; they are closed with the test, as they are with their conductor."""
    workers: list[WorkerProcess] = []
    start = WorkerProcess.start

    async def remember(*args: object, **kwargs: object) -> WorkerProcess:
        worker = await start(*args, **kwargs)  # type: ignore[arg-type]  # handed through as they came
        workers.append(worker)
        return worker

    monkeypatch.setattr(WorkerProcess, "start", remember)
    yield workers
    for worker in workers:
        await worker.close()


@pytest.fixture
def setup(
    server: Address, private: Path, proxy: Address, upstream: ScriptedUpstream, agent_socket: Path
) -> ConductorSetup:
    """A deployment with everything: proxy, upstream and agent."""
    return make_setup(server, private, proxy=proxy, upstream=upstream, agent_socket=agent_socket)


@pytest.fixture
def bare(server: Address, private: Path) -> ConductorSetup:
    """A deployment of nothing but a server."""
    return make_setup(server, private)


@pytest.fixture
async def stage(private: Path) -> AsyncIterator[Stage]:
    made = Stage(private / "conductor")
    async with await serve(made.conductor, private / "conductor"):
        yield made
        await made.close()
