"""Agents to test: one for each way to start them that this machine can do."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.agent.client import AgentClient
from chaos.agent.hermetic import AgentProcess, launch_agent
from chaos.agent.isolation import Isolation, Kind, try_isolation

KINDS = (Kind.ROOT, Kind.USER, Kind.PLAIN)


@pytest.fixture(scope="session", params=KINDS, ids=lambda kind: kind.name.lower())
def isolation(request: pytest.FixtureRequest) -> Isolation:
    """Every way to start an agent without a container."""
    return _possible(Isolation(request.param))


@pytest.fixture(scope="session", params=KINDS[:2], ids=lambda kind: kind.name.lower())
def hermetic(request: pytest.FixtureRequest) -> Isolation:
    """Every way to start an agent in a network of its own."""
    return _possible(Isolation(request.param))


@pytest.fixture
def directory() -> Iterator[Path]:
    """An empty directory whose path is short enough for unix sockets, which tmp_path's is not always."""
    path = Path(tempfile.mkdtemp(prefix="chaos-agent-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def agent(isolation: Isolation, directory: Path) -> Iterator[AgentProcess]:
    with launch_agent(socket=directory / "agent.sock", isolation=isolation, owner="test") as process:
        yield process


@pytest.fixture
def client(agent: AgentProcess) -> Iterator[AgentClient]:
    with agent.client() as made:
        yield made


@pytest.fixture
def hermetic_agent(hermetic: Isolation, directory: Path) -> Iterator[AgentProcess]:
    with launch_agent(socket=directory / "agent.sock", isolation=hermetic, owner="test") as process:
        yield process


@pytest.fixture
def hermetic_client(hermetic_agent: AgentProcess) -> Iterator[AgentClient]:
    with hermetic_agent.client() as made:
        yield made


def _possible(isolation: Isolation) -> Isolation:
    found = try_isolation(isolation)
    if not found.available:
        pytest.skip(f"{found.reason}; {found.remedy}")
    return isolation
