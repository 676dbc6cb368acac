"""Images: local, pulled under a deadline, built once for each state of their files."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from chaos.errors import ConfigurationError, ImageUnavailable
from chaos.runtime.base import RuntimeOptions
from chaos.runtime.engine import Engine
from chaos.runtime.images import BUILD_LABEL, build_image, ensure_image, server_image
from chaos.target import Target

from .conftest import DOCKERFILE
from .deploying import STUB, stub_target

NAME = f"images-test-{os.getpid()}"
"""Of the images of this process: the engine is shared by all that pytest-xdist has started, and so is what it builds
from the same files."""


@pytest.fixture
def registry_engine(engine: Engine) -> Engine:
    """The same engine, as if it were one whose registries may be asked."""
    return dataclasses.replace(engine, home=None)


@pytest.fixture
def target(client: docker.DockerClient) -> Iterator[Target]:
    """A target whose image is removed with the test."""
    target = stub_target(name=NAME, build=".")
    yield target
    with contextlib.suppress(docker.errors.ImageNotFound):
        client.images.remove(f"chaos/{NAME}:local", force=True)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "stub_server.py").write_text(f"{STUB.read_text()}\n# {NAME}\n")
    return tmp_path


def test_a_local_image_is_not_asked_for(registry_engine: Engine) -> None:
    ensure_image(registry_engine, registry_engine.python_image, option="--chaos-python-image", within=0)


def test_the_air_gapped_set_up_asks_no_registry(engine: Engine, tmp_path: Path) -> None:
    airgapped = dataclasses.replace(engine, home=tmp_path)
    with pytest.raises(ImageUnavailable) as caught:
        ensure_image(airgapped, "no/such:image", option="--chaos-image", within=60)
    assert str(caught.value) == (
        "image no/such:image is not local, and the air-gapped set-up asks no registry; run `make engine` to make the "
        "suite's own, load it with `docker load`, or name another one with --chaos-image"
    )


def test_a_registry_that_refuses(registry_engine: Engine) -> None:
    name = "127.0.0.1:1/no/such:image"
    with pytest.raises(ImageUnavailable) as caught:
        ensure_image(registry_engine, name, option="--chaos-toxiproxy-image", within=30)
    message = str(caught.value)
    assert message.startswith(f"image {name} is neither local nor to be pulled: ")
    assert "connection refused" in message
    assert message.endswith(
        "; check the registry, name another one with --chaos-toxiproxy-image, or run `make engine` for the "
        "air-gapped set-up (Debian, root)"
    )


def test_a_registry_that_stays_silent_is_given_up(registry_engine: Engine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        name = f"127.0.0.1:{silent.getsockname()[1]}/no/such:image"
        began = time.monotonic()
        with pytest.raises(ImageUnavailable) as caught:
            ensure_image(registry_engine, name, option="--chaos-image", within=0.5)
        assert time.monotonic() - began < 5
    assert str(caught.value).startswith(f"image {name} is neither local nor to be pulled: not done within 0.5s; ")


@pytest.mark.parametrize("way", ["air-gapped", "with a registry"])
def test_a_build_is_made_once_for_each_state_of_its_files(
    way: str,
    engine: Engine,
    registry_engine: Engine,
    client: docker.DockerClient,
    target: Target,
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if way == "air-gapped" and engine.home is None:
        pytest.skip("the engine is not the air-gapped set-up's")
    using = engine if way == "air-gapped" else dataclasses.replace(registry_engine)
    tag = build_image(using, target, directory=directory)
    assert tag == f"chaos/{NAME}:local"
    first = client.images.get(tag)
    assert first.labels[BUILD_LABEL]
    (directory / "__pycache__").mkdir()
    (directory / "__pycache__" / "x.pyc").write_text("does not count")
    with monkeypatch.context() as patched:
        # The engine's own cache would give the same image again; what counts is that nothing is built.
        patched.setattr(docker.models.images.ImageCollection, "build", None)
        build_image(using, target, directory=directory)
    assert client.images.get(tag).id == first.id
    (directory / "stub_server.py").write_text(f"print('another of {NAME}')\n")
    build_image(using, target, directory=directory)
    second = client.images.get(tag)
    assert second.id != first.id
    with pytest.raises(docker.errors.ImageNotFound):  # what was replaced is not left behind
        client.images.get(first.id)


@pytest.mark.parametrize("way", ["air-gapped", "with a registry"])
def test_a_build_that_fails_shows_its_last_lines(
    way: str, engine: Engine, registry_engine: Engine, target: Target, directory: Path
) -> None:
    if way == "air-gapped" and engine.home is None:
        pytest.skip("the engine is not the air-gapped set-up's")
    (directory / "Dockerfile").write_text(DOCKERFILE + "RUN echo the disk is full && exit 3\n")
    with pytest.raises(ImageUnavailable) as caught:
        build_image(engine if way == "air-gapped" else registry_engine, target, directory=directory)
    message = str(caught.value)
    without = " without a registry" if way == "air-gapped" else ""
    assert message.startswith(
        f"{directory} cannot be built into chaos/{NAME}:local{without}; correct its Dockerfile, name an image "
        "that is there with --chaos-image, or take the processes runtime (--chaos-runtime=processes); "
        "the last lines of its log:\n"
    )
    assert "    the disk is full\n" in message


def test_a_directory_without_a_dockerfile(engine: Engine, tmp_path: Path) -> None:
    target = stub_target(build=str(tmp_path))
    with pytest.raises(ImageUnavailable) as caught:
        server_image(engine, target, options=RuntimeOptions())
    assert str(caught.value) == (
        f"target.toml: start.build names {tmp_path}, and there is no Dockerfile in it; correct the path"
    )


def test_a_target_without_an_image(engine: Engine) -> None:
    with pytest.raises(ConfigurationError) as caught:
        server_image(engine, stub_target(), options=RuntimeOptions())
    assert str(caught.value) == (
        "target.toml: start.image or start.build is missing, and without one stub cannot run as a container; "
        "add one, or take the runtime for the way it can be started (--chaos-runtime)"
    )
