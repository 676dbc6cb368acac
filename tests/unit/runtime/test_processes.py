"""The `processes` runtime, in every ground it can stand on, with both proxies."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.address import Address
from chaos.agent.hermetic import Isolation, Kind, ProbedIsolation, probe_isolation
from chaos.capability import Availability, Capability
from chaos.errors import ConfigurationError, PortTaken, StartFailed, TargetDied, TargetFailure, ToolMissing, Unsupported
from chaos.runtime import ground as ground_module
from chaos.runtime import helpers, placed_server, processes
from chaos.runtime.base import Deployment, RuntimeOptions
from chaos.runtime.owner import OWNER_VARIABLE, Owner
from chaos.runtime.ports import free_ports
from chaos.runtime.processes import ProcessesRuntime
from chaos.runtime.state import owned_state_directories
from chaos.target import Target

from .deploying import PYTHON, STUB, WITHIN, ask, environment_of, leftovers, make_upstream_link, stub_target

GROUNDS = ("namespace", "user namespace", "loopback")


def options_for(ground: str, monkeypatch: pytest.MonkeyPatch, **options: object) -> RuntimeOptions:
    """Options that put a deployment on this ground; skips where the machine has none such."""
    if ground == "loopback":
        return RuntimeOptions(hermetic=False, **options)
    found = probe_isolation()
    if not found.hermetic.available:
        pytest.skip(found.hermetic.reason)
    if ground == "user namespace":
        user = ProbedIsolation(isolation=Isolation(Kind.USER), hermetic=Availability.yes())
        monkeypatch.setattr(ground_module, "_probe", lambda: user)
    return RuntimeOptions(hermetic=True, **options)


@contextlib.contextmanager
def deployed(target: Target, options: RuntimeOptions, *, owner: Owner | None = None) -> Iterator[Deployment]:
    with ProcessesRuntime().deploy(target, owner=owner or Owner.current(), options=options) as deployment:
        yield deployment


def is_gone(pid: int) -> bool:
    return not os.path.exists(f"/proc/{pid}")


@pytest.mark.parametrize("ground", GROUNDS)
def test_it_deploys_a_server_that_reaches_its_upstream_through_the_link(
    ground: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = Owner.current()
    with deployed(stub_target(upstream=True), options_for(ground, monkeypatch), owner=owner) as deployment:
        assert deployment.server.alive()
        make_upstream_link(deployment)
        assert json.loads(ask(deployment, "/upstream"))["value"] == 1
        assert deployment.toxiproxy.server_upstream == deployment.server.address == deployment.server.published
        assert leftovers(owner) != []
    assert leftovers(owner) == []


@pytest.mark.parametrize("kind", ["embedded", "toxiproxy"])
def test_both_proxies(kind: str) -> None:
    if kind == "toxiproxy":
        try:
            helpers.find_toxiproxy(os.environ)
        except ToolMissing as error:
            pytest.skip(str(error))
    with deployed(stub_target(), RuntimeOptions(proxy=kind)) as deployment:
        assert deployment.toxiproxy.kind == kind
        assert deployment.toxiproxy.version.split(".")[0] == "2"
        through = deployment.capabilities[Capability.RST_THROUGH]
        assert through.available == (kind == "embedded")
        if kind == "toxiproxy":
            assert through.reason == "Toxiproxy turns an RST into a FIN"
            assert through.remedy == "take the embedded proxy: --chaos-proxy=embedded"


@pytest.mark.parametrize("ground", GROUNDS)
def test_its_capabilities(ground: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with deployed(stub_target(), options_for(ground, monkeypatch)) as deployment:
        capabilities = deployment.capabilities
    assert set(capabilities) == set(Capability)
    absent = {name: (found.reason, found.remedy) for name, found in capabilities.items() if not found.available}
    expected = {
        Capability.UPSTREAM: ("stub declares no upstream", "name the variable with its URL under [upstream]"),
        Capability.STATISTICS: ("stub declares no statistics", "say where they are under [statistics]"),
    }
    if ground == "loopback":
        expected[Capability.KERNEL_RULES] = ("no namespace was wanted", "leave that option out")
    elif shutil.which("nft") is None:
        assert "nft" in absent.pop(Capability.KERNEL_RULES)[0]
    assert absent == expected


def test_the_servers_environment_is_the_targets_and_the_callers_and_little_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SHELL", "1")
    target = stub_target(environment={"COLOUR": "red", "SIZE": "1"}, upstream=True)
    with deployed(target, RuntimeOptions(environment={"SIZE": "2", "DEFECT": "leak"})) as deployment:
        environment = environment_of(deployment)
        assert deployment.upstream is not None
        link = f"http://127.0.0.1:{deployment.upstream.link_port}"
    assert (environment["COLOUR"], environment["SIZE"], environment["DEFECT"]) == ("red", "2", "leak")
    assert environment["UPSTREAM_URL"] == link
    assert "SECRET_OF_THE_SHELL" not in environment


@pytest.mark.parametrize("ground", GROUNDS)
def test_a_server_that_was_killed_starts_again_at_the_same_address(
    ground: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with deployed(stub_target(), options_for(ground, monkeypatch)) as deployment:
        server = deployment.server
        (first,) = server.root_pids()
        server.kill()
        assert (server.alive(), server.exit_code(), server.root_pids()) == (False, -signal.SIGKILL, ())
        server.start()
        (second,) = server.root_pids()
        assert second != first
        assert ask(deployment, "/health") == ""


def test_sigterm_ends_it_with_its_own_exit_code() -> None:
    with deployed(stub_target(), RuntimeOptions()) as deployment:
        assert deployment.server.stop(timeout=WITHIN) == 0
        assert deployment.server.log_tail(1) == ["bye"]


def test_a_server_that_does_not_heed_a_signal_is_named_and_left_running() -> None:
    with deployed(stub_target(), RuntimeOptions()) as deployment:
        (pid,) = deployment.server.root_pids()
        with pytest.raises(TargetFailure) as caught:
            deployment.server.stop(sig=signal.SIGCONT, timeout=0.05)
        assert str(caught.value) == f"stub still runs 50ms after SIGCONT, as pid {pid}"
        assert deployment.server.alive()


def test_it_is_not_started_twice() -> None:
    with deployed(stub_target(), RuntimeOptions()) as deployment:
        (pid,) = deployment.server.root_pids()
        with pytest.raises(TargetFailure) as caught:
            deployment.server.start()
        assert str(caught.value) == f"stub runs already, as pid {pid}; end it first"


@pytest.mark.parametrize("ground", GROUNDS)
def test_workers_that_outlived_their_server_are_gone_before_it_starts_again(
    ground: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with deployed(stub_target(), options_for(ground, monkeypatch)) as deployment:
        ask(deployment, "/child")
        assert deployment.agent is not None
        (main,) = deployment.server.root_pids()
        child = next(pid for pid in deployment.agent.tree(main) if pid != main)
        deployment.agent.signal([main], signal.SIGKILL)
        while deployment.server.alive():
            pass  # bounded by pytest-timeout: SIGKILL has been sent
        assert not is_gone(child)
        deployment.server.start()
        assert is_gone(child)


@pytest.mark.parametrize("ground", GROUNDS)
def test_a_process_of_ours_is_started_where_it_reaches_the_server(ground: str, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import os, socket, chaos; socket.create_connection(('127.0.0.1', int(os.environ['PORT']))); print('reached')"
    )
    with deployed(stub_target(), options_for(ground, monkeypatch)) as deployment:
        port = deployment.server.address.port
        conductor = deployment.spawn([PYTHON, "-c", code], name="conductor", env={"PORT": str(port)})
        assert (conductor.wait(WITHIN), conductor.log_tail()) == (0, ["reached"])
        sleeping = deployment.spawn(["sleep", "600"], name="sleeper", env={})
        assert sleeping.wait(0) is None
        sleeping.kill()
        assert sleeping.wait(0) == -signal.SIGKILL
        forgotten = deployment.spawn(["sleep", "600"], name="sleeper", env={})
    assert is_gone(forgotten.pid)


def test_two_targets_at_once_do_not_meet() -> None:
    with deployed(stub_target(name="one"), RuntimeOptions()) as one, deployed(stub_target(), RuntimeOptions()) as two:
        assert one.server.root_pids() != two.server.root_pids()
        assert json.loads(ask(one, "/about"))["environment"][OWNER_VARIABLE] == one.owner.token


# -- bad starts: each is one sentence, and leaves nothing -----------------------------------------------------------


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
    ("arguments", "seen"),
    [
        (("--deaf",), "no answer from 127.0.0.1:8765/health ("),
        (("--health", "503"), "127.0.0.1:8765/health answers 503; give it longer"),
    ],
)
def test_a_server_that_never_gets_healthy(arguments: tuple[str, ...], seen: str, owner: Owner) -> None:
    target = stub_target(arguments=arguments, ready_within="300ms")
    if not probe_isolation().hermetic.available:
        pytest.skip("the port in the message is only known in a namespace")
    with pytest.raises(StartFailed) as caught:
        ProcessesRuntime().deploy(target, owner=owner, options=RuntimeOptions())
    message = str(caught.value)
    assert message.startswith(f"stub is not healthy 300ms after its start: {seen}")
    assert "give it longer (start.ready_within) or correct start.health or start.port; the last lines" in message
    assert message.splitlines()[1] == "    starting"


def test_a_server_without_a_health_path_is_healthy_once_it_accepts(owner: Owner) -> None:
    with deployed(stub_target(health=None), RuntimeOptions(), owner=owner) as deployment:
        assert ask(deployment, "/health") == ""


def test_a_command_that_is_not_there(owner: Owner) -> None:
    target = stub_target(command=("no-such-server",))
    with pytest.raises(ToolMissing) as caught:
        ProcessesRuntime().deploy(target, owner=owner, options=RuntimeOptions())
    assert str(caught.value) == (
        "command not found: 'no-such-server' is not on PATH; install it or correct the command"
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


def test_closing_twice_is_fine() -> None:
    owner = Owner.current()
    deployment = ProcessesRuntime().deploy(stub_target(), owner=owner, options=RuntimeOptions())
    assert [found for found, _ in owned_state_directories() if found == owner]
    deployment.close()
    deployment.close()
    assert [found for found, _ in owned_state_directories() if found == owner] == []
