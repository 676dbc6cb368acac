"""Where an agent can be put, and what is said where it cannot."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from signal import Signals

import pytest

from chaos.agent.client import AgentClient
from chaos.agent.hermetic import AgentProcess, launch_agent
from chaos.agent.isolation import BUCKETS, Isolation, Kind, ProbedIsolation, probe_isolation, remedy, try_isolation
from chaos.errors import AgentError, ToolMissing

from .support import exchange, start_echo


def test_the_best_that_works_is_taken() -> None:
    probed = probe_isolation()
    works = {kind: try_isolation(Isolation(kind)).available for kind in (Kind.ROOT, Kind.USER)}
    if os.geteuid() == 0 and works[Kind.ROOT]:
        assert probed.isolation == Isolation(Kind.ROOT)
    elif works[Kind.USER]:
        assert probed.isolation == Isolation(Kind.USER)
    else:
        assert probed.isolation == Isolation(Kind.PLAIN)
    assert probed.hermetic.available == probed.isolation.hermetic


def test_a_probe_leaves_nothing_behind() -> None:
    before = set(os.listdir("/proc/self/fd"))
    probe_isolation()
    assert set(os.listdir("/proc/self/fd")) == before


def test_where_no_namespace_can_be_had_the_reason_and_the_remedy_are_told(directory: Path) -> None:
    """An unshare that says what the kernel says where it is forbidden."""
    probed = _probe_with_unshare(directory, "echo 'unshare: unshare failed: Operation not permitted' >&2; exit 1")
    assert probed.isolation == Isolation(Kind.PLAIN)
    assert not probed.hermetic.available
    assert probed.hermetic.reason == (
        "own network and pid namespace in an unprivileged user namespace cannot be had: "
        "unshare: unshare failed: Operation not permitted"
    )
    assert probed.hermetic.remedy


def test_a_namespace_without_rights_in_it_is_no_namespace(directory: Path) -> None:
    """Ubuntu's AppArmor lets unshare succeed and refuses what is done inside. Here: a network, and no rights in it."""
    unshare = shutil.which("unshare")
    probed = _probe_with_unshare(
        directory,
        'while [ "${1#--}" != "$1" ]; do shift; done; '
        f'if [ "$1" = sh ]; then exec {unshare} --net "$@"; fi; '
        'exec setpriv --bounding-set=-all --inh-caps=-all "$@"',
    )
    assert probed.hermetic.reason == (
        "own network and pid namespace in an unprivileged user namespace cannot be had: "
        "setting up loopback in it failed: Operation not permitted"
    )


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or run as root",
        ),
        ("kernel/unprivileged_userns_clone", "0", "sudo sysctl -w kernel.unprivileged_userns_clone=1, or run as root"),
        ("user/max_user_namespaces", "0", "sudo sysctl -w user.max_user_namespaces=10000, or run as root"),
        ("user/max_net_namespaces", "0", "sudo sysctl -w user.max_net_namespaces=10000, or run as root"),
    ],
)
def test_the_setting_that_forbids_it_is_named(tmp_path: Path, setting: str, value: str, told: str) -> None:
    file = tmp_path / "proc" / "sys" / setting
    file.parent.mkdir(parents=True)
    file.write_text(f"{value}\n")
    assert remedy(tmp_path) == told
    file.write_text("4711\n")
    assert remedy(tmp_path) == "run as root, or where unprivileged user namespaces are allowed"


def test_in_a_container_its_options_are_named(tmp_path: Path) -> None:
    (tmp_path / ".dockerenv").touch()
    assert remedy(tmp_path) == (
        "start this container with --privileged, or with --cap-add SYS_ADMIN --security-opt seccomp=unconfined"
    )


@pytest.mark.parametrize("isolation", [Isolation(Kind.ROOT), Isolation(Kind.USER), Isolation.joined(1)])
def test_a_missing_tool_is_named(isolation: Isolation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/none")
    tool = "nsenter" if isolation.kind is Kind.JOINED else "unshare"
    with pytest.raises(ToolMissing) as caught:
        isolation.prefix()
    assert str(caught.value) == f"{tool} is not installed; install util-linux"
    if isolation.hermetic:
        found = try_isolation(isolation)
        assert (found.available, found.reason, found.remedy) == (
            False,
            f"{tool} is not installed",
            "install util-linux",
        )


def test_a_hermetic_network_has_a_small_table_of_its_own() -> None:
    """Else each look at the server's sockets would walk the machine's, which grows with its memory."""
    tables = Path("/proc/sys/net/ipv4")
    isolation = probe_isolation().isolation
    if not isolation.hermetic or not (tables / "tcp_child_ehash_entries").exists():
        pytest.skip("no namespace of its own, or a kernel that shares one table")
    said = subprocess.run(
        [*isolation.prefix(), "cat", tables / "tcp_ehash_entries"], capture_output=True, text=True, check=True
    )
    assert int(said.stdout) == BUCKETS


def test_a_hermetic_network_has_nothing_but_loopback(hermetic_agent: AgentProcess) -> None:
    devices = Path(f"/proc/{hermetic_agent.pid}/net/dev").read_text().splitlines()[2:]
    assert [line.split(":")[0].strip() for line in devices] == ["lo"]


def test_namespaces_are_as_announced(client: AgentClient, agent: AgentProcess) -> None:
    hello = client.hello()
    own = {name: os.readlink(f"/proc/self/ns/{name}") for name in ("net", "pid", "user")}
    others = {name for name in own if hello.namespaces[name] != own[name]}
    assert (
        others
        == {Kind.ROOT: {"net", "pid"}, Kind.USER: {"net", "pid", "user"}, Kind.PLAIN: set()}[agent.isolation.kind]
    )
    assert hello.init == agent.isolation.hermetic
    assert hello.pid == agent.pid
    if agent.isolation.hermetic:
        assert all(found.available for found in hello.can.values()), hello.can


def test_an_agent_joins_the_network_of_another_process(directory: Path, hermetic: Isolation) -> None:
    """As it joins a container's: sockets and rules there, while processes are the machine's."""
    if os.geteuid() != 0:
        pytest.skip("joining a network namespace needs root")
    with launch_agent(socket=directory / "a", isolation=hermetic) as home, home.client() as inside:
        server = start_echo(inside, directory, port=8765)
        with (
            launch_agent(socket=directory / "b", isolation=Isolation.joined(home.pid)) as joined,
            joined.client() as client,
        ):
            assert client.hello().namespaces["net"] == inside.hello().namespaces["net"]
            assert client.listen_pids(8765) == [server.pid]
            with client.connect("127.0.0.1", 8765) as connection, client.connect("127.0.0.1", 8765) as spared:
                sample = client.sample(port=8765, root_pids=[server.pid])
                assert (sample.sockets, sample.processes) == ({"ESTABLISHED": 2}, 1)
                client.cut(connection.getsockname(), connection.getpeername())
                connection.sendall(b"x")
                assert exchange(spared) == b"hello"
                (held,) = [info for info in client.sockets(8765) if info.local == connection.getsockname()]
                assert held.wqueue == 1
            assert client.signal([server.pid], Signals.SIGKILL) == [server.pid]


def test_a_network_that_cannot_be_joined_is_told(directory: Path) -> None:
    with pytest.raises(AgentError) as caught:
        launch_agent(socket=directory / "a", isolation=Isolation.joined(Path("/none")))
    assert str(caught.value) == (
        "the agent did not start; its log ends with: nsenter: cannot open /none: No such file or directory"
    )


def _probe_with_unshare(directory: Path, script: str) -> ProbedIsolation:
    """Probe as an unprivileged user would, with a shell script in the place of unshare."""
    fake = directory / "unshare"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{directory}:{os.environ['PATH']}")
        patch.setattr(os, "geteuid", lambda: 1000)
        return probe_isolation(python=sys.executable)
