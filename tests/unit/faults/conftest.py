"""A server, a link of either kind to it, clients and an agent, all real and on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.agent.isolation import Isolation, Kind, probe_isolation
from chaos.links.link import Link
from chaos.links.toxiproxy import Toxiproxy
from chaos.links.traits import LinkKind
from tests.unit.faults.spawned import FORKING, SpawnedServer, inside_of, start_server
from tests.unit.faults.stage import Direct, InProcess, Witness, agent_process, echo_server
from tests.unit.faults.upstreams import ScriptedUpstream, scripted_upstream
from tests.unit.links.servers import free_port, running


@pytest.fixture(scope="session", params=list(LinkKind))
def proxy(request: pytest.FixtureRequest) -> Iterator[Address]:
    """The API of a Toxiproxy, real and embedded."""
    with running(request.param) as (api, _):
        yield api


@pytest.fixture
async def ends() -> list[str]:
    """How the server's connections ended, in the server's own eyes: "FIN", or the exception's name."""
    return []


@pytest.fixture
async def server(ends: list[str]) -> AsyncIterator[Address]:
    """A WebSocket server that echoes, answers pings, and sends nothing of its own."""
    async with echo_server(type("Witness", (Witness,), {"ends": ends})) as (address, _):
        yield address


@pytest.fixture
async def toxiproxy(proxy: Address, server: Address) -> AsyncIterator[Toxiproxy]:
    """Asks for the server so as to end before it does: no connection is still on its way to it then."""
    async with Toxiproxy(proxy) as opened:
        yield opened


@pytest.fixture
async def link(toxiproxy: Toxiproxy, server: Address) -> Link:
    return await toxiproxy.create_link("clients", server)


@pytest.fixture
async def worker() -> AsyncIterator[InProcess]:
    made = InProcess()
    yield made
    await made.close()


@pytest.fixture(scope="session")
def agent_socket() -> Iterator[Path]:
    """An agent of this network namespace."""
    with agent_process(Isolation(Kind.PLAIN)) as process:
        yield process.socket


@pytest.fixture
async def agent(agent_socket: Path) -> AsyncIterator[AsyncAgent]:
    async with await AsyncAgent.open(agent_socket) as opened:
        yield opened


@pytest.fixture
def direct(server: Address, worker: InProcess, agent: AsyncAgent) -> Direct:
    """The path without a proxy, in this process."""
    return Direct(server, worker, agent)


@pytest.fixture(scope="session")
def hermetic_socket() -> Iterator[Path]:
    """An agent with a network of its own, where kernel rules and counters are nobody else's."""
    found = probe_isolation()
    if not found.hermetic.available:
        pytest.skip(f"{found.hermetic.reason}; {found.hermetic.remedy}")
    with agent_process(found.isolation) as process:
        yield process.socket


@pytest.fixture
async def inside(hermetic_socket: Path, tmp_path: Path) -> AsyncIterator[Direct]:
    """The path without a proxy, in the hermetic agent's network."""
    async with await AsyncAgent.open(hermetic_socket) as opened, inside_of(opened, tmp_path) as made:
        yield made


@pytest.fixture
async def spawned(agent: AsyncAgent, tmp_path: Path) -> AsyncIterator[SpawnedServer]:
    """A server of two processes that a fault may stop and kill."""
    async with start_server(agent, free_port(), tmp_path, script=FORKING) as server:
        yield server


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    """The scripted upstream, in this process."""
    async with scripted_upstream() as made:
        yield made


@pytest.fixture
async def upstream_link(proxy: Address, upstream: ScriptedUpstream) -> AsyncIterator[Link]:
    """The path from a server to its upstream."""
    async with Toxiproxy(proxy) as opened:
        yield await opened.create_link("upstream", upstream.address)
