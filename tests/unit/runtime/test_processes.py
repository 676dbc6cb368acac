"""The `processes` runtime, in every ground it can stand on, with both proxies."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
from pathlib import Path

import pytest

from chaos.agent.clock_library import clock_availability
from chaos.agent.own_disk import own_disk
from chaos.capability import Capability
from chaos.errors import EnvironmentFailure, TargetFailure, ToolMissing
from chaos.runtime import helpers, processes
from chaos.runtime.base import RuntimeOptions
from chaos.runtime.capabilities import BY_GROUPS, BY_RULES
from chaos.runtime.owner import OWNER_VARIABLE, Owner
from chaos.runtime.ports import free_ports
from chaos.runtime.processes import ProcessesRuntime
from chaos.runtime.state import owned_state_directories

from .deploying import PYTHON, WITHIN, ask, environment_of, leftovers, stub_target
from .grounds import GROUNDS, deployed, options_for


def is_gone(pid: int) -> bool:
    return not os.path.exists(f"/proc/{pid}")


@pytest.mark.parametrize("ground", GROUNDS)
def test_it_deploys_a_server_that_reaches_its_upstream_through_the_link(
    ground: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = Owner.current()
    with deployed(stub_target(upstream=True), options_for(ground, monkeypatch), owner=owner) as deployment:
        assert deployment.server.alive()
        assert json.loads(ask(deployment, "/upstream"))["value"] == 1
        assert deployment.toxiproxy.server_upstream == deployment.server.address == deployment.server.published
        assert leftovers(owner) != []
    assert leftovers(owner) == []


@pytest.fixture(params=["embedded", "toxiproxy"])
def kind(request: pytest.FixtureRequest) -> str:
    if request.param == "toxiproxy":
        try:
            helpers.find_toxiproxy(os.environ)
        except ToolMissing as error:
            pytest.skip(str(error))
    return str(request.param)


def test_a_server_that_needs_its_upstream_to_be_healthy_has_it_in_its_first_moment(kind: str) -> None:
    target = stub_target(upstream=True, arguments=("--needs-upstream",))
    with deployed(target, RuntimeOptions(proxy=kind)) as deployment:
        deployment.server.kill()
        deployment.server.start()
        assert deployment.server.log_tail() == ["starting", "serving"]  # of the second start alone
        assert deployment.log("server").read_text().splitlines() == ["starting", "serving"] * 2
        assert deployment.server.logged() == 2 * len("starting\nserving\n")


def test_a_link_to_the_upstream_that_cannot_be_made(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "free_ports", lambda count: (*free_ports(count - 2), port, *free_ports(1)))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EnvironmentFailure) as caught:
            ProcessesRuntime().deploy(stub_target(upstream=True), owner=owner, options=RuntimeOptions(hermetic=False))
    assert re.fullmatch(
        rf"the embedded proxy at 127\.0\.0\.1:\d+ does not make the link to the upstream on 127\.0\.0\.1:{port}: "
        rf"it answers 500, listen tcp 127\.0\.0\.1:{port}: bind: address already in use; run again",
        str(caught.value),
    )


def test_both_proxies(kind: str) -> None:
    with deployed(stub_target(), RuntimeOptions(proxy=kind)) as deployment:
        assert deployment.toxiproxy.kind == kind
        assert deployment.toxiproxy.version.split(".")[0] == "2"
        through = deployment.capabilities[Capability.RST_THROUGH]
        assert through.available == (kind == "embedded")
        if kind == "toxiproxy":
            assert through.reason == "Toxiproxy turns an RST into a FIN"
            assert through.remedy == "take the embedded proxy: --chaos-proxy=embedded"


def test_the_embedded_proxys_randomness_is_seeded() -> None:
    with deployed(stub_target(), RuntimeOptions(seed=4711)) as deployment:
        assert "seed 4711\n" in deployment.log("proxy").read_text()


@pytest.mark.parametrize("ground", GROUNDS)
def test_its_capabilities(ground: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with deployed(stub_target(), options_for(ground, monkeypatch)) as deployment:
        capabilities = deployment.capabilities
    assert set(capabilities) == set(Capability)
    absent = {name: (found.reason, found.remedy) for name, found in capabilities.items() if not found.available}
    expected = {
        Capability.UPSTREAM: ("stub declares no upstream", "name the variable with its URL under [upstream]"),
        Capability.STATISTICS: ("stub declares no statistics", "say where they are under [statistics]"),
        Capability.TLS: ("stub declares no TLS", "say how it is known under [tls]"),
        Capability.DISK: (
            "stub writes to no disk that could be its own",
            "name the variable that says in which directory it writes: start.disk",
        ),
    }
    clock = clock_availability()
    if not clock.available:
        expected[Capability.CLOCK] = (clock.reason, clock.remedy)
    if ground == "loopback":
        expected |= dict.fromkeys(BY_RULES, ("no namespace was wanted", "leave that option out"))
    elif shutil.which("nft") is None:
        for name in (Capability.KERNEL_RULES, Capability.PACKET_LOSS, Capability.INJECTED_RESETS):
            assert "nft" in absent.pop(name)[0]
    if ground != "loopback":  # not every kernel has what it takes
        assert "narrow line" in absent.pop(Capability.BOTTLENECK, ("a narrow line is to be had here",))[0]
    for name in BY_GROUPS:
        assert "control group" in absent.pop(name, ("control groups are ours to change here",))[0]
    assert absent == expected


@pytest.mark.parametrize("ground", GROUNDS)
def test_a_server_that_asks_for_a_disk_has_one_of_its_own(ground: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And another one when it is started again: what it wrote has gone with it."""
    target = stub_target()
    target = target.model_copy(update={"start": target.start.model_copy(update={"disk": "LOG_DIRECTORY"})})
    with deployed(target, options_for(ground, monkeypatch)) as deployment:
        found = deployment.capabilities[Capability.DISK]
        if not found.available:
            pytest.skip(f"{found.reason}; {found.remedy}")
        (pid,) = deployment.server.root_pids()
        disk = own_disk(pid)
        assert disk is not None
        assert disk == Path(f"/proc/{pid}/root{environment_of(deployment)['LOG_DIRECTORY']}")
        (disk / "log").write_text("a line")
        deployment.server.kill()
        deployment.server.start()
        (pid,) = deployment.server.root_pids()
        disk = own_disk(pid)
        assert disk is not None
        assert list(disk.iterdir()) == []


def test_a_server_is_started_again_with_another_environment_once() -> None:
    with deployed(stub_target(environment={"COLOUR": "red", "SIZE": "1"}), RuntimeOptions()) as deployment:
        seen = []
        for environment in ({"SIZE": "2"}, None):
            deployment.server.kill()
            deployment.server.start(environment=environment)
            told = environment_of(deployment)
            seen.append((told["COLOUR"], told["SIZE"]))
    assert seen == [("red", "2"), ("red", "1")]


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
        sent: list[bool] = []
        assert deployment.server.stop(timeout=WITHIN, sent=lambda: sent.append(True)) == 0
        assert sent == [True]
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


def test_closing_twice_is_fine() -> None:
    owner = Owner.current()
    deployment = ProcessesRuntime().deploy(stub_target(), owner=owner, options=RuntimeOptions())
    assert [found for found, _ in owned_state_directories() if found == owner]
    deployment.close()
    deployment.close()
    assert [found for found, _ in owned_state_directories() if found == owner] == []


@pytest.mark.parametrize("ground", GROUNDS)
def test_what_a_server_leaves_in_its_temporary_directory_goes_with_the_deployment(
    ground: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with deployed(stub_target(), options_for(ground, monkeypatch)) as deployment:
        temporary = Path(environment_of(deployment)["TMPDIR"])
        assert temporary.parent == deployment.directory
        (temporary / "database").mkdir()
    assert not temporary.exists()
