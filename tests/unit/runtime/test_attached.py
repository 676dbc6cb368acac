"""The `attached` runtime: a server that runs already, and is not ours."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from chaos.address import Address
from chaos.capability import Capability
from chaos.errors import ConfigurationError, ForeignAddress, StartFailed, Unsupported
from chaos.runtime import attached
from chaos.runtime.attached import AttachedRuntime, attached_address
from chaos.runtime.base import RuntimeOptions
from chaos.runtime.capabilities import BY_GROUPS, BY_RULES
from chaos.runtime.health import answers_200, wait_healthy
from chaos.runtime.host import dial
from chaos.runtime.owner import Owner
from chaos.runtime.ports import free_ports
from chaos.target import Target, Tls
from tests.certificates import certificates

from .deploying import PYTHON, STUB, WITHIN, ask, make_link, stub_target
from .secure import answering_over_tls


@dataclass(frozen=True)
class Running:
    pid: int
    address: Address


@pytest.fixture
def running() -> Iterator[Running]:
    """The stub server, started by nobody the runtime knows."""
    address = Address("127.0.0.1", free_ports(1)[0])
    process = subprocess.Popen([PYTHON, str(STUB), "--host", address.host, "--port", str(address.port)])
    try:
        wait_healthy(answers_200(address, "/health", dial=dial), exit_code=process.poll, within=WITHIN)
        yield Running(pid=process.pid, address=address)
        assert process.poll() is None  # whatever is done to an attached server, it is not ended
    finally:
        process.kill()
        process.wait()


def attached_target(url: str, **start: object) -> Target:
    return stub_target(command=None, attach=url, **start)


def test_it_is_reached_through_a_proxy_of_ours_and_measured(running: Running, owner: Owner) -> None:
    target = attached_target(f"ws://{running.address}")
    with AttachedRuntime().deploy(target, owner=owner, options=RuntimeOptions()) as deployment:
        assert deployment.server.address == deployment.server.published == running.address
        link = make_link(deployment, "clients", "127.0.0.1:0", deployment.toxiproxy.server_upstream)
        assert ask(deployment, "/health", address=link) == ""
        assert deployment.server.root_pids() == (running.pid,)
        assert deployment.agent is not None
        assert deployment.agent.sample(port=running.address.port, root_pids=[running.pid]).processes == 1
        assert (deployment.server.alive(), deployment.server.exit_code(), deployment.server.log_tail()) == (
            True,
            None,
            [],
        )
        assert deployment.server.logged() is None
        conductor = deployment.spawn([PYTHON, "-c", "import chaos"], name="conductor", env={})
        assert conductor.wait(WITHIN) == 0


def test_it_is_never_signalled_or_started(running: Running, owner: Owner) -> None:
    target = attached_target(f"ws://{running.address}")
    with AttachedRuntime().deploy(target, owner=owner, options=RuntimeOptions()) as deployment:
        server = deployment.server
        for act, done in (
            (server.start, "started"),
            (server.kill, "killed"),
            (lambda: server.stop(sig=signal.SIGTERM, timeout=1), "sent SIGTERM"),
        ):
            with pytest.raises(Unsupported) as caught:
                act()
            assert str(caught.value) == (
                f"stub was attached to at {running.address} and cannot be {done}; "
                "have the suite start it (start.command, start.image or start.build)"
            )


def test_one_that_speaks_tls(owner: Owner, tmp_path: Path) -> None:
    made = certificates(tmp_path, "server.test")
    tls = Tls(server_name="server.test", ca=str(made.ca))
    with answering_over_tls(made) as address:
        target = attached_target(f"wss://{address}").model_copy(update={"tls": tls})
        with AttachedRuntime().deploy(target, owner=owner, options=RuntimeOptions()) as deployment:
            assert deployment.server.alive()
            assert deployment.capabilities[Capability.TLS].available
            stranger = Tls(server_name="another.test", ca=str(made.ca))
        with pytest.raises(StartFailed, match=r"Hostname mismatch"):
            AttachedRuntime().deploy(target.model_copy(update={"tls": stranger}), owner=owner, options=RuntimeOptions())


def test_its_capabilities(running: Running, owner: Owner) -> None:
    target = attached_target(f"ws://{running.address}")
    with AttachedRuntime().deploy(target, owner=owner, options=RuntimeOptions()) as deployment:
        capabilities = deployment.capabilities
    assert set(capabilities) == set(Capability)
    absent = {name: (found.reason, found.remedy) for name, found in capabilities.items() if not found.available}
    not_ours = (
        "stub was attached to, not started",
        "have the suite start it (start.command, start.image or start.build)",
    )
    assert absent == {
        Capability.UPSTREAM: not_ours,
        Capability.SIGNALS: not_ours,
        Capability.RESTART: not_ours,
        Capability.SETTINGS: not_ours,
        Capability.CLOCK: not_ours,
        Capability.DISK: not_ours,
        **dict.fromkeys((*BY_RULES, *BY_GROUPS), not_ours),
        Capability.STATISTICS: ("stub declares no statistics", "say where they are under [statistics]"),
        Capability.TLS: ("stub declares no TLS", "say how it is known under [tls]"),
    }


def test_a_server_behind_an_engines_relay_is_not_measured(
    running: Running, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attached, "_name", lambda pid: "docker-proxy")
    target = attached_target(f"ws://{running.address}")
    with AttachedRuntime().deploy(target, owner=owner, options=RuntimeOptions()) as deployment:
        found = deployment.capabilities
    for name in (Capability.TCP_TRUE, Capability.PROCESS_PROBE, Capability.SOCKET_PROBE):
        assert found[name].reason == f"{running.address} is published by a container engine, whose relay ends TCP"


def test_the_processes_of_another_user_are_out_of_sight(
    running: Running, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attached.AttachedServer, "root_pids", lambda self: ())
    target = attached_target(f"ws://{running.address}")
    with AttachedRuntime().deploy(target, owner=owner, options=RuntimeOptions()) as deployment:
        found = deployment.capabilities[Capability.PROCESS_PROBE]
    assert (found.reason, found.remedy) == (
        f"the process that listens on {running.address} is out of sight",
        "run as its user or as root",
    )


def test_a_server_on_a_host_allowed_by_name(running: Running, owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name of this machine stands in for the other machine: no packet leaves."""
    monkeypatch.setattr(attached, "_is_loopback", lambda host: False)
    target = attached_target(f"ws://localhost:{running.address.port}")
    options = RuntimeOptions(allowed_hosts=frozenset({"localhost"}))
    with AttachedRuntime().deploy(target, owner=owner, options=options) as deployment:
        assert (deployment.agent, deployment.agent_socket, deployment.server.root_pids()) == (None, None, ())
        found = deployment.capabilities
    assert found[Capability.TCP_TRUE].reason == "what lies between here and localhost is unknown"
    assert found[Capability.PROCESS_PROBE].reason == "stub runs on localhost"
    assert found[Capability.PROCESS_PROBE].remedy == "run the suite there"


def test_a_foreign_address_is_refused() -> None:
    with pytest.raises(ForeignAddress) as caught:
        AttachedRuntime().deploy(
            attached_target("ws://192.0.2.1:8765"), owner=Owner.current(), options=RuntimeOptions()
        )
    assert str(caught.value) == (
        "192.0.2.1:8765 is neither loopback nor started by this suite, so no load or fault may go there; "
        "if it is yours, allow it by name with --chaos-allow-host=192.0.2.1"
    )


@pytest.mark.parametrize(
    ("url", "options", "address"),
    [
        ("ws://127.0.0.1:8765", {}, Address("127.0.0.1", 8765)),
        ("ws://localhost", {}, Address("localhost", 80)),
        ("wss://localhost", {}, Address("localhost", 443)),
        ("wss://localhost:8765", {}, Address("localhost", 8765)),
        ("ws://[::1]:9000", {}, Address("::1", 9000)),
        ("ws://staging:9000", {"allowed_hosts": frozenset({"staging"})}, Address("staging", 9000)),
    ],
)
def test_addresses(url: str, options: dict[str, frozenset[str]], address: Address) -> None:
    assert attached_address(attached_target(url), options=RuntimeOptions(**options)) == address


@pytest.mark.parametrize(
    ("url", "error", "message"),
    [
        (
            "ws://localhost:99999",
            ConfigurationError,
            "target.toml: start.attach is 'ws://localhost:99999': Port out of range 0-65535",
        ),
    ],
)
def test_addresses_that_cannot_be_used(url: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        attached_address(attached_target(url), options=RuntimeOptions())
    assert str(caught.value) == message


def test_a_target_without_an_address() -> None:
    with pytest.raises(ConfigurationError) as caught:
        AttachedRuntime().deploy(stub_target(), owner=Owner.current(), options=RuntimeOptions())
    assert str(caught.value) == (
        "target.toml: start.attach is missing, and without it there is no address of stub to attach to; "
        "add it, or take the runtime for the way it can be started (--chaos-runtime)"
    )


def test_nobody_there(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attached, "ANSWERS_WITHIN", 0.1)
    address = Address("127.0.0.1", free_ports(1)[0])
    with pytest.raises(StartFailed) as caught:
        AttachedRuntime().deploy(attached_target(f"ws://{address}"), owner=owner, options=RuntimeOptions())
    assert str(caught.value) == (
        f"stub is to be attached to, and no answer from {address}/health (Connection refused); start it first, or "
        "correct start.attach or start.health"
    )
