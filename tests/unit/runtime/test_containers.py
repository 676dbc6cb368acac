"""The `containers` runtime: every way in for the agent, every way to reach a container."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import docker
import pytest

from chaos.address import Address
from chaos.agent.own_disk import own_disk
from chaos.capability import Capability
from chaos.errors import EnvironmentFailure, TargetFailure
from chaos.experiment.death import death_of
from chaos.runtime.base import Deployment, RuntimeOptions
from chaos.runtime.capabilities import BY_GROUPS, BY_RULES
from chaos.runtime.container_server import ContainerServer
from chaos.runtime.containers import ContainersRuntime
from chaos.runtime.engine import Engine
from chaos.runtime.host import dial
from chaos.runtime.owner import Owner

from .deploying import PYTHON, WITHIN, ask, environment_of, labelled, make_link, stub_target

WAYS = {
    "nsenter": RuntimeOptions(agent="nsenter"),
    "sidecar": RuntimeOptions(agent="sidecar"),
    "published": RuntimeOptions(reach="published"),
}


@contextlib.contextmanager
def deployed(engine: Engine, directory: Path, owner: Owner, options: RuntimeOptions) -> Iterator[Deployment]:
    environment = {"COLOUR": "red", "SIZE": "1", "NEEDS_UPSTREAM": "1"}
    target = stub_target(build=str(directory), upstream=True, environment=environment)
    with ContainersRuntime(engine).deploy(target, owner=owner, options=options) as deployment:
        yield deployment


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    if request.param == "nsenter" and os.geteuid() != 0:
        pytest.skip("nsenter takes root")
    return str(request.param)


def test_a_life_in_containers(
    way: str, engine: Engine, client: docker.DockerClient, stub_directory: Path, owner: Owner
) -> None:
    """One deployment from start to end: it takes a second to start, and the parts of its life are told in order."""
    with deployed(engine, stub_directory, owner, WAYS[way]) as deployment:
        names = [name.rpartition("-")[2] for name in labelled(client, owner)]
        assert sorted(names)[1:] == ["sandbox", "server", "toxiproxy", "upstream"]
        server, agent, toxiproxy = deployment.server, deployment.agent, deployment.toxiproxy
        assert agent is not None

        # The server had its upstream in its first moment and reaches it through the link, and is reached through one.
        assert server.log_tail() == ["starting", "serving"]
        assert server.logged() == len("starting\nserving\n")
        assert json.loads(ask(deployment, "/upstream"))["value"] == 1
        port = 8700 if toxiproxy.ports is None else min(toxiproxy.ports)
        make_link(deployment, "clients", f"0.0.0.0:{port}", toxiproxy.server_upstream)
        reached = port if toxiproxy.ports is None else toxiproxy.ports[port]
        assert ask(deployment, "/health", address=Address(toxiproxy.reach_host, reached)) == ""

        # The agent sees the server's kernel sockets and its process by this machine's pid.
        (first,) = server.root_pids()
        assert agent.listen_pids(deployment.target.start.port) == [first]
        assert agent.sample(port=deployment.target.start.port, root_pids=[first]).rss > 0

        # Its environment is the image's, the target's and the caller's.
        environment = environment_of(deployment)
        assert (environment["COLOUR"], environment["SIZE"]) == ("red", "1")
        assert environment["UPSTREAM_URL"] == "http://toxiproxy:8666"

        # Killed, it starts again where it was, and the agent is still at home there.
        address = server.address
        server.kill()
        assert (server.alive(), server.exit_code(), server.root_pids()) == (False, -signal.SIGKILL, ())
        server.start()
        (second,) = server.root_pids()
        assert (second != first, server.address) == (True, address)
        assert agent.listen_pids(deployment.target.start.port) == [second]
        with pytest.raises(TargetFailure) as caught:
            server.start()
        assert str(caught.value) == f"stub runs already, as pid {second}; end it first"

        sent: list[bool] = []
        # The agent's signal reaches PID 1 of the container, and a stop is heard by the server itself.
        assert agent.signal([second], signal.SIGSTOP) == [second]
        with pytest.raises(TargetFailure) as caught:
            server.stop(timeout=0.1, sent=lambda: sent.append(server.alive()))
        assert sent == [True]
        assert str(caught.value) == f"stub still runs 100ms after SIGTERM, as pid {second}"
        agent.signal([second], signal.SIGCONT)
        assert server.stop(timeout=WITHIN) == 0
        assert server.log_tail(1) == ["bye"]
        server.kill()  # it has ended: nothing to do

        # A conductor is started on this machine and reaches it.
        server.start()
        code = "import os, socket; socket.create_connection((os.environ['H'], int(os.environ['P']))); print('reached')"
        where = {"H": server.address.host, "P": str(server.address.port)}
        conductor = deployment.spawn([PYTHON, "-c", code], name="conductor", env=where)
        assert (conductor.wait(WITHIN), conductor.log_tail()) == (0, ["reached"])
        forgotten = deployment.spawn(["sleep", "600"], name="sleeper", env={})
    assert not os.path.exists(f"/proc/{forgotten.pid}")


def test_its_capabilities(
    way: str, engine: Engine, client: docker.DockerClient, stub_directory: Path, owner: Owner
) -> None:
    with deployed(engine, stub_directory, owner, WAYS[way]) as deployment:
        capabilities = deployment.capabilities
    assert set(capabilities) == set(Capability)
    absent = {name: (found.reason, found.remedy) for name, found in capabilities.items() if not found.available}
    rules, *others = [
        absent.pop(name, None) for name in (Capability.KERNEL_RULES, Capability.PACKET_LOSS, Capability.INJECTED_RESETS)
    ]
    assert others == [rules, rules]
    # A sandbox may make no network of its own, which is where it would be tried.
    assert (absent.pop(Capability.BOTTLENECK, None) is not None) is (way == "sidecar")
    # The sandbox sees its own control groups only, and may not write to those.
    limits = [absent.pop(name, ("",))[0] for name in BY_GROUPS]
    assert all(("may not be changed" in reason) is (way == "sidecar") for reason in limits)
    expected = {
        Capability.STATISTICS: ("stub declares no statistics", "say where they are under [statistics]"),
        Capability.DISK: (
            "stub writes to no disk that could be its own",
            "name the variable that says in which directory it writes: start.disk",
        ),
        Capability.TLS: ("stub declares no TLS", "say how it is known under [tls]"),
        Capability.RST_THROUGH: (
            "Toxiproxy turns an RST into a FIN",
            "take the embedded proxy, which the processes runtime has by default",
        ),
        Capability.SETTINGS: (
            "a container keeps the environment that it was made with",
            "take the processes runtime (--chaos-runtime=processes)",
        ),
        Capability.CLOCK: (
            "the clock is a library that a server's environment names at its start, and a container keeps the one that "
            "it was made with",
            "take the processes runtime (--chaos-runtime=processes) where libfaketime is installed",
        ),
    }
    if way == "published":
        expected[Capability.TCP_TRUE] = (
            "published ports were asked for, and a published port ends TCP in the engine's relay",
            "use an engine of this Linux machine, or the processes runtime (--chaos-runtime=processes)",
        )
    assert absent == expected
    if way == "sidecar" and rules is not None:
        assert rules[0].startswith("in the sandbox, nft is not installed")
        assert rules[1] == (
            "run as root, so that this machine's nft is used, or name a Python image that has nftables "
            "(--chaos-python-image)"
        )
    else:
        assert rules is None


def test_everybody_may_write_to_its_disk_however_often_it_was_started(
    engine: Engine, stub_directory: Path, owner: Owner
) -> None:
    """The engine's own way: the second start's tmpfs has the mode of the directory that the first made."""
    if os.geteuid() != 0:
        pytest.skip("takes root, to look into a container")
    target = stub_target(build=str(stub_directory))
    target = target.model_copy(update={"start": target.start.model_copy(update={"disk": "LOG_DIRECTORY"})})
    modes = []
    with ContainersRuntime(engine).deploy(target, owner=owner, options=RuntimeOptions()) as deployment:
        for _ in range(3):
            (pid,) = deployment.server.root_pids()
            disk = own_disk(pid)
            assert disk is not None
            modes.append(oct(stat.S_IMODE(disk.stat().st_mode)))
            deployment.server.kill()
            deployment.server.start()
    assert modes == [oct(0o1777)] * 3


def test_kernel_rules_and_address_outlive_the_server(
    engine: Engine, client: docker.DockerClient, stub_directory: Path, owner: Owner
) -> None:
    if os.geteuid() != 0:
        pytest.skip("takes root, for this machine's nft")
    with deployed(engine, stub_directory, owner, RuntimeOptions()) as deployment:
        assert deployment.agent is not None
        with deployment.dial(deployment.server.address, timeout=WITHIN) as cut:
            local, remote = cut.getpeername(), cut.getsockname()
            rule = deployment.agent.cut(local, remote)
            cut.sendall(b"GET /health HTTP/1.1\r\n\r\n")
            deployment.server.kill()
            deployment.server.start()
            assert deployment.agent.rule_counters(rule).packets > 0
            assert ask(deployment, "/health") == ""


def test_a_server_that_was_killed_behind_the_engine_s_back_is_dead_at_once(
    engine: Engine, stub_directory: Path, owner: Owner
) -> None:
    """The engine says for some milliseconds more that it runs, and nobody may believe it: it would not be restarted."""
    if os.geteuid() != 0:
        pytest.skip("the processes of an engine are root's to kill")
    with deployed(engine, stub_directory, owner, RuntimeOptions()) as deployment:
        server = deployment.server
        for _ in range(5):
            (pid,) = server.root_pids()
            with death_of(pid) as death:
                os.kill(pid, signal.SIGKILL)
                while death.at is None:
                    time.sleep(0.0005)
                assert not server.alive()
            assert server.exit_code() == -signal.SIGKILL
            server.start()


def test_an_engine_that_never_hears_of_a_death_is_told_of() -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    stuck = SimpleNamespace(attrs={"State": {"Running": True, "Pid": ended.pid}}, reload=lambda: None)
    server = ContainerServer(
        cast(Any, stuck),
        target=stub_target(build="."),
        address=Address("127.0.0.1", 1),
        published=Address("127.0.0.1", 1),
        relayed=False,
        dial=dial,
        processes_are_here=True,
    )
    with pytest.raises(EnvironmentFailure) as caught:
        server.alive()
    assert str(caught.value) == (
        f"stub has ended, and 5s later the container engine still says that it runs as pid {ended.pid}: "
        "restart the engine"
    )


def test_without_an_agent(engine: Engine, client: docker.DockerClient, stub_directory: Path, owner: Owner) -> None:
    with deployed(engine, stub_directory, owner, RuntimeOptions(agent="none")) as deployment:
        assert (deployment.agent, deployment.agent_socket) == (None, None)
        absent = {name for name, found in deployment.capabilities.items() if found.reason == "no agent was wanted"}
    assert absent == {
        *BY_RULES,
        *BY_GROUPS,
        Capability.SOCKET_PROBE,
        Capability.PROCESS_PROBE,
        Capability.SIGNALS,
    }


def test_an_image_of_the_users_choice_and_a_defect(
    engine: Engine, client: docker.DockerClient, stub_directory: Path, owner: Owner
) -> None:
    with deployed(engine, stub_directory, owner, RuntimeOptions()):
        pass  # so that the image is there under its tag
    target = stub_target(image="no/such:image")
    options = RuntimeOptions(image="chaos/stub:local", environment={"DEFECT": "leak"})
    with ContainersRuntime(engine).deploy(target, owner=owner, options=options) as deployment:
        assert environment_of(deployment)["DEFECT"] == "leak"
        assert deployment.upstream is None


def test_the_users_own_testcontainers_settings_are_left_as_they_were(
    engine: Engine,
    client: docker.DockerClient,
    stub_directory: Path,
    owner: Owner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from testcontainers.core.config import testcontainers_config

    monkeypatch.delenv("DOCKER_HOST", raising=False)
    before = dict(vars(testcontainers_config))
    with deployed(engine, stub_directory, owner, RuntimeOptions()):
        assert vars(testcontainers_config) == before
        assert "DOCKER_HOST" not in os.environ
