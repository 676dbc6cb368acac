"""Toxiproxy, real and embedded: every test that asks for `toxiproxy` runs against both."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from chaos.address import Address
from chaos.links.toxiproxy import Toxiproxy
from chaos.links.traits import LinkKind
from tests.unit.links.servers import running


@pytest.fixture(scope="session", params=list(LinkKind))
def kind(request: pytest.FixtureRequest) -> LinkKind:
    value: LinkKind = request.param
    return value


@pytest.fixture(scope="session")
def api(kind: LinkKind) -> Iterator[Address]:
    """The API of a Toxiproxy that the tests of a session share; links are each test's own."""
    with running(kind) as (address, _):
        yield address


@pytest.fixture
async def toxiproxy(api: Address) -> AsyncIterator[Toxiproxy]:
    async with Toxiproxy(api) as opened:
        yield opened


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """The server that links lead to, as far as a test needs one."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


@pytest.fixture
def upstream(listener: socket.socket) -> Address:
    host, port = listener.getsockname()
    return Address(host, port)
