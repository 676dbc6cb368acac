"""Starting a server with another environment, where a runtime cannot: it says so, and does nothing."""

from __future__ import annotations

from unittest import mock

import pytest
from docker.models.containers import Container

from chaos.address import Address
from chaos.errors import Unsupported
from chaos.runtime.attached import AttachedServer
from chaos.runtime.container_server import ContainerServer

from .deploying import stub_target

ADDRESS = Address("127.0.0.1", 8765)


def test_a_container_keeps_the_environment_that_it_was_made_with() -> None:
    container = mock.create_autospec(Container, instance=True)
    server = ContainerServer(
        container,
        target=stub_target(),
        address=ADDRESS,
        published=ADDRESS,
        relayed=False,
        dial=mock.Mock(),
        processes_are_here=False,
    )
    with pytest.raises(Unsupported, match=r"^stub was made with its environment, which a container keeps$"):
        server.start(environment={"LIMIT": "10"})
    assert container.mock_calls == []


def test_what_runs_already_is_not_started_with_another_either() -> None:
    server = AttachedServer(stub_target(), address=ADDRESS, agent=None)
    with pytest.raises(Unsupported, match=r"^stub was attached to at 127\.0\.0\.1:8765 and cannot be started; "):
        server.start(environment={"LIMIT": "10"})
