"""Every test that asks for `server` runs against both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.examples import bound_examples

from .servers import EMBEDDED, TOXIPROXY, Server, running
from .wire import Wire, crossing


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    bound_examples(items)


@pytest.fixture(scope="session", params=[TOXIPROXY, EMBEDDED])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that all tests share: they use proxies of their own, and do it no harm."""
    with running(request.param) as started:
        yield started


@pytest.fixture(params=[TOXIPROXY, EMBEDDED])
def kind(request: pytest.FixtureRequest) -> str:
    """For tests that start a server themselves, because they may break it."""
    name: str = request.param
    return name


@pytest.fixture
def wire(server: Server) -> Iterator[Wire]:
    """A proxy on the shared server, with an upstream behind it."""
    with crossing(server) as made:
        yield made
