"""Bad starts in containers: each is one sentence, and leaves nothing."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import docker
import pytest
import requests

from chaos.errors import EngineUnavailable, EnvironmentFailure, ImageUnavailable, StartFailed, TargetDied
from chaos.runtime import containers
from chaos.runtime.base import RuntimeOptions
from chaos.runtime.containers import ContainersRuntime
from chaos.runtime.engine import Engine
from chaos.runtime.owner import Owner

from .deploying import labelled, stub_target


def deploy(engine: Engine, owner: Owner, directory: Path, **start: object) -> None:
    """A start that must fail, or else is ended."""
    options = start.pop("options", RuntimeOptions())
    assert isinstance(options, RuntimeOptions)
    ContainersRuntime(engine).deploy(stub_target(build=str(directory), **start), owner=owner, options=options).close()


def test_a_server_that_dies_is_known_at_once_with_its_last_lines(
    engine: Engine, client: docker.DockerClient, stub_directory: Path, owner: Owner
) -> None:
    began = time.monotonic()
    with pytest.raises(TargetDied) as caught:
        deploy(engine, owner, stub_directory, environment={"DIE": "3"}, ready_within="60s")
    assert str(caught.value) == (
        "stub ended with exit code 3 before it was healthy; the last lines of its log:\n"
        "    starting\n"
        "    no configuration, no service"
    )
    assert time.monotonic() - began < 60


def test_a_server_that_never_gets_healthy(
    engine: Engine, client: docker.DockerClient, stub_directory: Path, owner: Owner
) -> None:
    with pytest.raises(StartFailed) as caught:
        deploy(engine, owner, stub_directory, environment={"HEALTH": "503"}, ready_within="2s")
    message = str(caught.value)
    assert message.startswith("stub is not healthy 2s after its start: ")
    assert message.endswith(
        ":8765/health answers 503; give it longer (start.ready_within), or see what it says of itself; the last lines "
        "of its log:\n    starting\n    serving"
    )


@pytest.mark.parametrize("reach", ["auto", "published"])
def test_a_server_that_never_listens_is_not_taken_for_healthy(
    reach: str, engine: Engine, client: docker.DockerClient, stub_directory: Path, owner: Owner
) -> None:
    """Without a health path an accepted connection is all there is, and the engine's relay accepts for everybody."""
    with pytest.raises(StartFailed) as caught:
        deploy(
            engine,
            owner,
            stub_directory,
            health=None,
            environment={"DEAF": "1"},
            ready_within="2s",
            options=RuntimeOptions(reach=reach),
        )
    seen = "are closed at once" if reach == "published" else "(Connection refused)"
    assert seen in str(caught.value)


def test_an_image_whose_command_is_not_there(
    engine: Engine, client: docker.DockerClient, tmp_path: Path, owner: Owner
) -> None:
    (tmp_path / "Dockerfile").write_text('ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCMD ["no-such-server"]\n')
    target = stub_target(name="no-command", build=str(tmp_path))
    try:
        with pytest.raises(StartFailed) as caught:
            ContainersRuntime(engine).deploy(target, owner=owner, options=RuntimeOptions())
    finally:
        client.images.remove("chaos/no-command:local", force=True)
    message = str(caught.value)
    assert message.startswith("no-command cannot be started from chaos/no-command:local: ")
    assert '"no-such-server": executable file not found' in message


def test_a_companion_that_dies_is_never_the_targets_fault(
    engine: Engine, client: docker.DockerClient, stub_directory: Path, owner: Owner
) -> None:
    with pytest.raises(EnvironmentFailure) as caught:
        deploy(
            engine, owner, stub_directory, options=RuntimeOptions(toxiproxy_image=engine.python_image)
        )  # its command is an interpreter, which ends at the end of its input
    assert str(caught.value) == (
        f"Toxiproxy ended with exit code 0 while starting; see whether {engine.python_image} is Toxiproxy's "
        "(--chaos-toxiproxy-image); its log is empty"
    )


def test_an_image_that_is_not_to_be_had(engine: Engine, client: docker.DockerClient, owner: Owner) -> None:
    if engine.home is None:
        pytest.skip("would ask a registry")
    with pytest.raises(ImageUnavailable) as caught:
        ContainersRuntime(engine).deploy(stub_target(image="no/such:image"), owner=owner, options=RuntimeOptions())
    assert str(caught.value).endswith("or name another one with --chaos-image")
    options = RuntimeOptions(toxiproxy_image="no/such:proxy")
    with pytest.raises(ImageUnavailable) as caught:
        ContainersRuntime(engine).deploy(stub_target(image="x"), owner=owner, options=options)
    assert str(caught.value).endswith("or name another one with --chaos-toxiproxy-image")


def test_an_engine_on_another_machine(
    engine: Engine,
    client: docker.DockerClient,
    stub_directory: Path,
    owner: Owner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Everything else is made with the engine there is; only where it claims to be is another place.
    elsewhere = dataclasses.replace(engine, host="tcp://192.0.2.1:2376")
    real = containers.find_reach
    monkeypatch.setattr(containers, "find_reach", lambda _, network, options: real(elsewhere, network, options=options))
    with pytest.raises(EngineUnavailable) as caught:
        deploy(engine, owner, stub_directory)
    assert str(caught.value) == (
        "the engine at tcp://192.0.2.1:2376 is on another machine, and traffic stays on this one; use an engine of "
        "this machine, or the processes runtime (--chaos-runtime=processes)"
    )


def test_an_engine_that_ends_in_the_middle(
    engine: Engine,
    client: docker.DockerClient,
    stub_directory: Path,
    owner: Owner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone(*_: object, **__: object) -> None:
        raise requests.exceptions.ConnectionError("Connection aborted.")

    ended = "for the engine no longer answers: Connection aborted.; look whether it still runs"
    target = stub_target(build=str(stub_directory))
    with ContainersRuntime(engine).deploy(target, owner=owner, options=RuntimeOptions()) as deployment:
        with monkeypatch.context() as patched:
            patched.setattr(docker.models.containers.Container, "reload", gone)
            with pytest.raises(EngineUnavailable) as caught:
                deployment.server.alive()
        assert str(caught.value) == f"the state of stub cannot be read, {ended}"
    with monkeypatch.context() as patched:
        patched.setattr("chaos.runtime.containers.find_reach", gone)
        with pytest.raises(EngineUnavailable) as caught:
            deploy(engine, owner, stub_directory)
    assert str(caught.value) == f"stub cannot be deployed, {ended}"


def test_an_engine_without_a_network_to_give(
    engine: Engine,
    client: docker.DockerClient,
    stub_directory: Path,
    owner: Owner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    full = "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network"

    def refuse(*_: object, **__: object) -> None:
        raise docker.errors.APIError("500 Server Error", explanation=full)

    monkeypatch.setattr(docker.models.networks.NetworkCollection, "create", refuse)
    with pytest.raises(EnvironmentFailure) as caught:
        deploy(engine, owner, stub_directory)
    assert str(caught.value) == (
        f"a network cannot be made (`docker network prune` removes those that nobody uses): {full}"
    )


@pytest.mark.parametrize("moment", ["find_reach", "start_sandbox", "ContainerServer.wait_healthy"])
def test_an_interruption_of_the_start_leaves_nothing(
    moment: str,
    engine: Engine,
    client: docker.DockerClient,
    stub_directory: Path,
    owner: Owner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[str] = []

    def interrupt(*_: object, **__: object) -> None:
        seen.extend(labelled(client, owner))
        raise KeyboardInterrupt

    monkeypatch.setattr(f"chaos.runtime.{'container_server' if '.' in moment else 'containers'}.{moment}", interrupt)
    with pytest.raises(KeyboardInterrupt):
        deploy(engine, owner, stub_directory)
    assert seen != []
