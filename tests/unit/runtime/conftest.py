"""An engine and an image for the tests that take containers; without an engine they are skipped, and say so."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import ImageNotFound

from chaos.errors import EngineUnavailable
from chaos.runtime.engine import Engine, connect, find_engine
from chaos.runtime.images import server_tag
from chaos.runtime.owner import Owner

from .deploying import STUB, labelled, leftovers, stub_target

DOCKERFILE = """\
ARG BASE_IMAGE=python:3.11-slim
FROM ${BASE_IMAGE}
COPY stub_server.py /stub_server.py
CMD ["python3", "/stub_server.py"]
"""


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The engine of this machine."""
    try:
        return find_engine()
    except EngineUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def client(engine: Engine) -> Iterator[docker.DockerClient]:
    with contextlib.closing(connect(engine)) as client:
        yield client


@pytest.fixture(scope="session")
def stub_directory(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory that builds into the stub server's image; the image is removed with the session."""
    directory = tmp_path_factory.mktemp("stub")
    (directory / "Dockerfile").write_text(DOCKERFILE)
    shutil.copyfile(STUB, directory / "stub_server.py")
    yield directory
    with contextlib.closing(connect(engine)) as client, contextlib.suppress(ImageNotFound):
        client.images.remove(server_tag(stub_target()), force=True)


@pytest.fixture
def owner(request: pytest.FixtureRequest) -> Iterator[Owner]:
    """An owner that must have nothing left at the end, on the machine and on the engine where the test uses one."""
    client = request.getfixturevalue("client") if "client" in request.fixturenames else None
    owner = Owner.current()
    yield owner
    assert leftovers(owner) == []
    if client is not None:
        assert labelled(client, owner) == []
