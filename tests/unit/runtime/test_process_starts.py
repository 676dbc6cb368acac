"""Bad and odd starts of processes: each is one sentence, and leaves nothing."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from chaos.address import Address
from chaos.agent.hermetic import Isolation, Kind, ProbedIsolation, probe_isolation
from chaos.capability import Availability, Capability
from chaos.errors import ConfigurationError, PortTaken, StartFailed, TargetDied, ToolMissing, Unsupported
from chaos.runtime import ground as ground_module
from chaos.runtime import placed_server, processes
from chaos.runtime.base import RuntimeOptions
from chaos.runtime.owner import Owner
from chaos.runtime.ports import free_ports
from chaos.runtime.processes import ProcessesRuntime
from chaos.target import Target

from .deploying import STUB, ask, leftovers, stub_target
from .grounds import GROUNDS, deployed, options_for


@pytest.mark.parametrize("ground", GROUNDS)
def test_a_server_that_dies_is_known_at_once_with_its_last_lines(
    ground: str, monkeypatch: pytest.MonkeyPatch, owner: Owner
) -> None:
    began = time.monotonic()
    target = stub_target(arguments=("--die", "3"), ready_within="60s")
    with pytest.raises(TargetDied) as caught:
        ProcessesRuntime().deploy(target, owner=owner, options=options_for(ground, monkeypatch))
    assert str(caught.value) == (
        "stub ended with exit code 3 before it was healthy; the last lines of its log:\n"
        "    starting\n"
        "    no configuration, no service"
    )
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("arguments", "seen", "remedy"),
    [
        (
            ("--deaf",),
            "no answer from 127.0.0.1:8765/health (",
            "give it longer (start.ready_within) or correct start.health or start.port",
        ),
        (
            ("--health", "503"),
            "127.0.0.1:8765/health answers 503; ",
            "give it longer (start.ready_within), or see what it says of itself",
        ),
    ],
    ids=["deaf", "503"],
)
def test_a_server_that_never_gets_healthy(arguments: tuple[str, ...], seen: str, remedy: str, owner: Owner) -> None:
    target = stub_target(arguments=arguments, ready_within="2s")
    if not probe_isolation().hermetic.available:
        pytest.skip("the port in the message is only known in a namespace")
    with pytest.raises(StartFailed) as caught:
        ProcessesRuntime().deploy(target, owner=owner, options=RuntimeOptions())
    message = str(caught.value)
    assert message.startswith(f"stub is not healthy 2s after its start: {seen}")
    assert f"; {remedy}; the last lines" in message
    assert message.splitlines()[1] == "    starting"


def test_a_server_without_a_health_path_is_healthy_once_it_accepts(owner: Owner) -> None:
    with deployed(stub_target(health=None), RuntimeOptions(), owner=owner) as deployment:
        assert ask(deployment, "/health") == ""


def test_a_command_that_is_not_there(owner: Owner) -> None:
    target = stub_target(command=("no-such-server",))
    with pytest.raises(ToolMissing) as caught:
        ProcessesRuntime().deploy(target, owner=owner, options=RuntimeOptions())
    assert str(caught.value) == (
        f"{target.file}: start.command: command not found: 'no-such-server' is not on PATH; install it or correct the "
        "command"
    )


def test_a_target_without_a_command(owner: Owner) -> None:
    target = stub_target(command=None, image="x")
    with pytest.raises(ConfigurationError) as caught:
        ProcessesRuntime().deploy(target, owner=owner, options=RuntimeOptions())
    assert str(caught.value) == (
        "target.toml: start.command is missing, and without it stub cannot run as a process; "
        "add it, or take the runtime for the way it can be started (--chaos-runtime)"
    )


def fixed_port_target(port: int) -> Target:
    command = ("{python}", str(STUB), "--host", "{host}", "--port", str(port))
    return stub_target(command=command, port=port)


def test_a_port_that_is_taken_and_is_not_ours_to_choose(owner: Owner) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(PortTaken) as caught:
            ProcessesRuntime().deploy(fixed_port_target(port), owner=owner, options=RuntimeOptions(hermetic=False))
    message = str(caught.value)
    assert message.startswith(f"port {port} of 127.0.0.1 is taken by pid {os.getpid()} (")
    assert message.endswith(
        "), so stub cannot listen there; end that program, or write {port} into start.command to be given a free one"
    )


def test_a_port_that_is_taken_in_the_last_moment(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "is_taken", lambda address: False)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(PortTaken) as caught:
            ProcessesRuntime().deploy(fixed_port_target(port), owner=owner, options=RuntimeOptions(hermetic=False))
    assert str(caught.value).startswith(
        f"stub ended with exit code 1 because port {port} is taken; end the program that has it, "
        "or write {port} into start.command to be given a free one; the last lines of its log:\n"
    )


def test_a_fixed_port_cannot_collide_in_a_namespace(owner: Owner) -> None:
    if not probe_isolation().hermetic.available:
        pytest.skip("no namespace can be had here")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with deployed(fixed_port_target(port), RuntimeOptions(), owner=owner) as deployment:
            assert deployment.server.address == Address("127.0.0.1", port)


def test_a_server_on_a_companions_port_moves_the_companion(owner: Owner) -> None:
    with deployed(stub_target(port=8474), RuntimeOptions(hermetic=None), owner=owner) as deployment:
        assert deployment.toxiproxy.api.port != deployment.server.address.port


def test_a_namespace_that_was_demanded_and_cannot_be_had(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = Availability.no("no network namespace can be had here: not permitted", remedy="run as root")
    monkeypatch.setattr(
        ground_module, "_probe", lambda: ProbedIsolation(isolation=Isolation(Kind.PLAIN), hermetic=absent)
    )
    with pytest.raises(Unsupported) as caught:
        ProcessesRuntime().deploy(stub_target(), owner=owner, options=RuntimeOptions(hermetic=True))
    assert str(caught.value) == (
        "a namespace was demanded, and no network namespace can be had here: not permitted; run as root"
    )
    with deployed(stub_target(), RuntimeOptions(), owner=owner) as deployment:
        found = deployment.capabilities[Capability.KERNEL_RULES]
        assert found == absent


def test_a_proxy_that_is_not_there(owner: Owner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CHAOS_TOXIPROXY_SERVER", "/nowhere/toxiproxy")
    monkeypatch.setenv("CHAOS_ENGINE_HOME", str(tmp_path))
    with pytest.raises(ToolMissing) as caught:
        ProcessesRuntime().deploy(stub_target(), owner=owner, options=RuntimeOptions(proxy="toxiproxy"))
    assert str(caught.value) == (
        "no toxiproxy-server: CHAOS_TOXIPROXY_SERVER names '/nowhere/toxiproxy', which cannot be executed, and it is "
        f"neither on PATH nor at {tmp_path}/bin/toxiproxy-server; install Toxiproxy, run `make engine`, "
        "or take the embedded proxy (--chaos-proxy=embedded)"
    )


@pytest.mark.parametrize("ground", GROUNDS)
def test_an_interruption_of_the_start_leaves_nothing(
    ground: str, monkeypatch: pytest.MonkeyPatch, owner: Owner
) -> None:
    seen: list[int] = []

    def interrupt(*_: object, **__: object) -> None:
        seen.extend(pid for pid, _ in leftovers(owner))
        raise KeyboardInterrupt

    monkeypatch.setattr(placed_server, "wait_healthy", interrupt)
    with pytest.raises(KeyboardInterrupt):
        ProcessesRuntime().deploy(stub_target(), owner=owner, options=options_for(ground, monkeypatch))
    assert len(seen) >= 3  # the agent, the proxy and the server ran when it came


def test_ports_for_plain_loopback_are_free_ones() -> None:
    (taken,) = free_ports(1)
    with deployed(stub_target(port=taken), RuntimeOptions(hermetic=False)) as deployment:
        assert deployment.server.address.port != taken
