"""Makes the server's package importable, and starts servers for the tests that need a running one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REFERENCE = Path(__file__).resolve().parents[3] / "targets" / "reference"
sys.path.insert(0, str(REFERENCE))

from .raw_client import Connect, RawClient  # noqa: E402  # needs the path above
from .running import RunningServer, StartServer, started  # noqa: E402
from .upstreams import ScriptedUpstream  # noqa: E402


@pytest.fixture
def start_server() -> Iterator[StartServer]:
    """Start servers with the given environment; all are gone when the test ends."""
    servers: list[RunningServer] = []

    def start(profile: str = "fast", **environment: str) -> RunningServer:
        server = started(profile=profile, environment=environment)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.kill()


@pytest.fixture
def server(start_server: StartServer) -> RunningServer:
    """A running server with the `fast` profile."""
    return start_server()


@pytest.fixture(scope="module")
def shared_server() -> Iterator[RunningServer]:
    """One server for all tests of a file that leave it as they found it."""
    server = started(profile="fast", environment={})
    yield server
    server.kill()


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Open raw clients; what is still open at the end of the test is closed."""
    clients: list[RawClient] = []

    def open_client(url: str, **options: object) -> RawClient:
        client = RawClient(url, **options)  # type: ignore[arg-type]  # handed on as they are
        clients.append(client)
        return client

    yield open_client
    for client in clients:
        client.socket.close()


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    """A scripted upstream, answering."""
    scripted = ScriptedUpstream()
    yield scripted
    scripted.close()
