"""The checks: what they find here, and what they say where something is missing."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.errors import ImageNotFound

from chaos import doctor
from chaos.agent.hermetic import Isolation, Kind, ProbedIsolation
from chaos.agent.types import Hello
from chaos.capability import Availability, Capability
from chaos.doctor import CHECKS, CheckResult, State, containers, examine, host, isolation
from chaos.errors import EngineUnavailable
from chaos.runtime.engine import Engine

FORBIDDEN = Availability.no("unshare failed: Operation not permitted", remedy="run as root")


@pytest.fixture
def no_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which no network namespace can be had."""
    probed = ProbedIsolation(isolation=Isolation(Kind.PLAIN), hermetic=FORBIDDEN)
    monkeypatch.setattr(isolation, "_probed", lambda: probed)


def agent_can(monkeypatch: pytest.MonkeyPatch, **can: Availability) -> None:
    """An agent that says so."""

    class Said:
        def __init__(self) -> None:
            self.can = can

    monkeypatch.setattr(isolation, "_hello", Said)


# -- all of them, here -------------------------------------------------------------------------------------------


def test_every_check_says_something_and_a_remedy_where_it_is_not_well() -> None:
    results = examine()
    assert len(results) == len(CHECKS)
    assert len({result.name for result in results}) == len(results)
    for result in results:
        assert result.found, result
        assert result.state is State.OK or result.remedy, result
        assert result.state is not State.OK or not result.without, result


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = sorted(os.listdir("/proc/self/fd"))
    isolation._hello.cache_clear()
    examine()
    assert list(tmp_path.iterdir()) == []
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_a_check_that_fails_is_a_result(monkeypatch: pytest.MonkeyPatch) -> None:
    def odd_hardware() -> CheckResult:
        raise RuntimeError("no such thing")

    monkeypatch.setattr(doctor, "CHECKS", (odd_hardware, host.root))
    failed, other = examine()
    assert failed == CheckResult(
        name="odd hardware",
        state=State.UNKNOWN,
        found="the check itself failed: RuntimeError: no such thing",
        remedy="this is a bug of the doctor; please report it with this line",
    )
    assert other.name == "user"


# -- the host ----------------------------------------------------------------------------------------------------


def test_another_system_has_no_kernel_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    result = host.system()
    assert result.state is State.LIMITED
    assert result.leaves_out == "kernel faults and the agent's probes: they are Linux's"


def test_a_single_core_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})
    result = host.cores()
    assert result.state is State.LIMITED
    assert result.found.startswith("1 core, ")


@pytest.mark.parametrize(
    ("limits", "state", "found"),
    [
        ((1024, 524288), State.OK, "at most 1024 open files, up to 524288 on request"),
        ((1024, resource.RLIM_INFINITY), State.OK, "at most 1024 open files, up to any number of on request"),
        ((256, 1024), State.LIMITED, "at most 256 open files, up to 1024 on request"),
    ],
)
def test_open_files(monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], state: State, found: str) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda what: limits)
    result = host.open_files()
    assert (result.state, result.found) == (state, found)
    if state is State.LIMITED:
        assert result.leaves_out == "crowds of more than about 256 clients"


def test_a_machine_that_wakes_up_late_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(number * 0.02 for number in range(10_000))
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    result = host.clock()
    assert result.state is State.LIMITED
    assert result.found.endswith("; a sleep of 1ms ends 19ms late in the median, 19ms at p99")


# -- the namespace -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_namespace")
def test_without_a_namespace_nothing_is_tried_on_the_machines_own_network() -> None:
    namespaces = isolation.namespaces()
    assert namespaces == CheckResult(
        name="network namespace",
        state=State.MISSING,
        found="unshare failed: Operation not permitted",
        remedy="run as root",
        without=(
            Capability.KERNEL_RULES,
            Capability.PACKET_LOSS,
            Capability.INJECTED_RESETS,
            Capability.BOTTLENECK,
            Capability.SOCKET_KILL,
        ),
        leaves_out="the target runs on the machine's own loopback",
    )
    for check in (
        isolation.nftables,
        isolation.packet_loss,
        isolation.reset_rules,
        isolation.narrow_line,
        isolation.socket_kill,
        isolation.netem,
    ):
        result = check()
        assert result.state is State.MISSING
        assert result.found == "not tried: without a network namespace it would act on this machine's own traffic"
        assert result.remedy == "run as root"


def test_what_the_agent_cannot_is_said_in_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    probed = ProbedIsolation(isolation=Isolation(Kind.USER), hermetic=Availability.yes())
    monkeypatch.setattr(isolation, "_probed", lambda: probed)
    agent_can(
        monkeypatch,
        nft=Availability.no("nft is not installed here", remedy="install nftables"),
        nft_loss=Availability.no("No such file or directory", remedy="modprobe nft_numgen"),
        nft_reset=Availability.yes(),
        sock_destroy=Availability.no("the kernel cannot", remedy="take another"),
        sock_diag=Availability.yes(),
        cpu_limit=Availability.no("no control groups with the cpu controller are mounted here", remedy="mount them"),
        memory_limit=Availability.no(
            "the memory control group /sys/fs/cgroup may not be changed: Permission denied", remedy="run as root"
        ),
    )
    assert isolation.nftables() == CheckResult(
        name="nftables",
        state=State.MISSING,
        found="nft is not installed here",
        remedy="install nftables",
        without=(Capability.KERNEL_RULES,),
    )
    for check, found, remedy, gives in (
        (isolation.packet_loss, "No such file or directory", "modprobe nft_numgen", Capability.PACKET_LOSS),
        (isolation.socket_kill, "the kernel cannot", "take another", Capability.SOCKET_KILL),
    ):
        result = check()
        assert (result.state, result.found, result.remedy, result.without) == (State.MISSING, found, remedy, (gives,))
    assert isolation.reset_rules().state is State.OK
    assert (isolation.cpu_limit().state, isolation.cpu_limit().without) == (State.MISSING, (Capability.CPU_LIMIT,))
    assert (isolation.memory_limit().found, isolation.memory_limit().state) == (
        "the memory control group /sys/fs/cgroup may not be changed: Permission denied",
        State.MISSING,
    )
    assert isolation.socket_probe().state is State.OK
    assert isolation.tcp_repair().found == "the agent does not know it"


def test_a_machine_without_tc(monkeypatch: pytest.MonkeyPatch) -> None:
    probed = ProbedIsolation(isolation=Isolation(Kind.USER), hermetic=Availability.yes())
    monkeypatch.setattr(isolation, "_probed", lambda: probed)
    monkeypatch.setattr("shutil.which", lambda tool, path=None: None)
    result = isolation.netem()
    assert (result.state, result.found, result.remedy) == (State.MISSING, "tc is not installed", "install iproute2")
    assert result.leaves_out == "nothing, it is optional: the proxy delays and nftables loses packets without it"


def test_what_nothing_needs_leaves_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all else is well, the end says that nothing is left out: no line above it may say something else."""
    agent_can(monkeypatch)
    for check in (isolation.netem, isolation.tcp_repair):
        result = check()
        assert not result.without
        assert result.state is State.OK or result.leaves_out.startswith("nothing, it is optional: ")


def test_a_machine_without_libfaketime(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = Availability.no("libfaketime is not installed", remedy="apt-get install libfaketime")
    monkeypatch.setattr(host, "clock_availability", lambda: absent)
    assert host.own_clock() == CheckResult(
        name="libfaketime",
        state=State.MISSING,
        found="libfaketime is not installed",
        remedy="apt-get install libfaketime",
        without=(Capability.CLOCK,),
    )


def test_a_machine_on_which_nothing_can_be_mounted(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = Availability.no("nothing can be mounted for the server alone: not permitted", remedy="run as root")
    monkeypatch.setattr(isolation, "disk_availability", lambda prefix: absent)
    result = isolation.own_disk()
    assert (result.state, result.found, result.without) == (State.MISSING, absent.reason, (Capability.DISK,))


def test_the_agents_answer_has_what_the_doctor_asks_for() -> None:
    """The names are the agent's; if it renames one, the doctor would say that it is missing."""
    assert set(isolation._hello().can) >= {
        "nft",
        "nft_loss",
        "nft_reset",
        "sock_diag",
        "sock_destroy",
        "tcp_repair",
        "cpu_limit",
        "memory_limit",
    }
    assert isinstance(isolation._hello(), Hello)


# -- containers --------------------------------------------------------------------------------------------------


@pytest.fixture
def no_engine_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine without the air-gapped set-up, and with nothing in its environment."""
    for name in ("CHAOS_PYTHON_IMAGE", "CHAOS_TOXIPROXY_IMAGE", "CHAOS_TOXIPROXY_SERVER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    monkeypatch.setenv("CHAOS_ENGINE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    containers._engine.cache_clear()
    yield tmp_path
    containers._engine.cache_clear()


@pytest.mark.usefixtures("no_engine_home")
def test_no_engine() -> None:
    assert containers.engine() == CheckResult(
        name="container engine",
        state=State.MISSING,
        found=(
            "no container engine answers: unix:///nowhere/docker.sock (from DOCKER_HOST): No such file or directory"
        ),
        remedy="start Docker, or `make engine` (Debian, as root); DOCKER_HOST says where it listens",
        runtime="containers",
        leaves_out="the containers runtime; the processes runtime needs no engine",
    )
    image = containers.python_image()
    assert (image.state, image.found) == (State.UNKNOWN, "not looked up, no engine answers")


def test_an_engine_that_others_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> Engine:
        raise EngineUnavailable(
            "no container engine answers: unix:///s (a usual place): Permission denied; start Docker"
        )

    monkeypatch.setattr(containers, "_engine", refused)
    assert containers.engine().found == "no container engine answers: unix:///s (a usual place): Permission denied"
    assert containers.engine().remedy == "run as root, or join the group that owns the socket (usually `docker`)"


class FakeEngine:
    """A client of an engine that has one image."""

    class images:  # noqa: N801 - as the docker SDK has it
        @staticmethod
        def get(name: str) -> object:
            if name != "mine:1":
                raise ImageNotFound("no such image")
            return type("Image", (), {"short_id": "sha256:12"})

    def info(self) -> dict[str, str]:
        return {"Driver": "overlay2"}

    def close(self) -> None:
        pass


def test_an_engine_with_one_of_the_images(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Engine(
        host="unix:///s",
        version="20.10",
        api_version="1.41",
        home=None,
        python_image="mine:1",
        toxiproxy_image="other:1",
    )
    monkeypatch.setattr(containers, "_engine", lambda: found)
    monkeypatch.setattr(containers, "connect", lambda engine: FakeEngine())
    assert containers.engine().found == "20.10 at unix:///s, storage overlay2"
    assert containers.python_image().found == "mine:1 (sha256:12)"
    missing = containers.toxiproxy_image()
    assert missing.state is State.LIMITED
    assert missing.found == "other:1 is not local and will be pulled when it is needed"


def test_no_toxiproxy(no_engine_home: Path) -> None:
    result = containers.toxiproxy_program()
    assert result.state is State.LIMITED
    assert result.found == (f"no toxiproxy-server: it is neither on PATH nor at {no_engine_home}/bin/toxiproxy-server")


def test_a_toxiproxy_on_the_path(no_engine_home: Path) -> None:
    program = no_engine_home / "toxiproxy-server"
    program.write_text("#!/bin/sh\necho toxiproxy-server version 2.12.0\n")
    program.chmod(0o755)
    result = containers.toxiproxy_program()
    assert (result.state, result.found) == (State.OK, f"2.12.0 at {program}")
