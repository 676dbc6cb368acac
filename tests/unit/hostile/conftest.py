"""One reference server for all tests of a file, started as its own tests do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.reference.running import RunningServer, started


@pytest.fixture(scope="module")
def shared_server() -> Iterator[RunningServer]:
    server = started(profile="fast", environment={"WEBSOCKET_COMPRESSION": "true"})
    yield server
    server.kill()
