"""Limits by control group: set, counted and lifted, on processes that fork, end, or outlive their agent."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from signal import Signals

import pytest

from chaos.agent.client import AgentClient
from chaos.agent.control_groups import (
    CPU,
    MEMORY,
    CpuCounters,
    MemoryCounters,
    cpu_counters,
    find_hierarchy,
    limit_in_force,
    limits_of_cpu,
    limits_of_memory,
    memory_counters,
    probe,
)
from chaos.agent.hermetic import AgentProcess, launch_agent
from chaos.agent.isolation import Isolation
from chaos.agent.orphans import remove_stale_groups
from chaos.agent.types import Spawned
from chaos.errors import AgentError

from .support import wait_until

SPIN = [sys.executable, "-I", "-S", "-c", "while True: pass"]
FORKS = [
    sys.executable,
    "-I",
    "-S",
    "-c",
    "import os, time\nfor _ in range(3): os.fork()\nwhile True: time.sleep(0.01)",
]


@pytest.fixture(autouse=True)
def possible(client: AgentClient) -> None:
    for name in ("cpu_limit", "memory_limit"):
        if not (found := client.hello().can[name]).available:
            pytest.skip(f"{found.reason}; {found.remedy}")


def spawn(client: AgentClient, directory: Path, argv: list[str] = SPIN) -> Spawned:
    return client.spawn(argv, name="limited", log=directory / "log")


def home(pid: int, controller: str = CPU) -> Path | None:
    hierarchy = find_hierarchy(controller)
    assert hierarchy is not None
    return hierarchy.home(pid)


def throttled(group: str) -> int:
    counted = cpu_counters(Path(group))
    return 0 if counted is None else counted.throttled


def test_a_share_of_a_core_is_all_it_gets(client: AgentClient, directory: Path) -> None:
    spinning = spawn(client, directory)
    before = home(spinning.pid)
    limit = client.limit_cpu([spinning.pid], share=0.05)
    assert (limit.controller, limit.made, limit.pids) == (CPU, True, (spinning.pid,))
    assert home(spinning.pid) == Path(limit.group) != before
    assert limit_in_force(Path(limit.group), CPU) == limit.now != limit.before
    wait_until(lambda: throttled(limit.group) >= 3, "its share was used up three times")
    assert client.sample(port=1, root_pids=[spinning.pid]).throttled > 0
    client.lift_limit(limit)
    assert home(spinning.pid) == before
    assert not Path(limit.group).exists()
    client.lift_limit(limit)  # as often as one likes
    assert client.sample(port=1, root_pids=[spinning.pid]).throttled > 0  # what was counted stays so


def test_whole_trees_are_moved_there_and_back(client: AgentClient, directory: Path) -> None:
    forked = spawn(client, directory, FORKS)
    wait_until(lambda: len(client.tree(forked.pid)) == 8, "it has forked")
    before = home(forked.pid)
    limit = client.limit_cpu([forked.pid], share=0.5)
    assert {home(pid) for pid in client.tree(forked.pid)} == {Path(limit.group)}
    client.lift_limit(limit)
    assert {home(pid) for pid in client.tree(forked.pid)} == {before}


def test_both_limits_at_once_and_no_second_one_of_a_kind(client: AgentClient, directory: Path) -> None:
    spinning = spawn(client, directory)
    cpu = client.limit_cpu([spinning.pid], share=0.5)
    memory = client.limit_memory([spinning.pid], spare=1 << 26)
    counted = memory_counters(Path(memory.group))
    assert counted is not None
    assert counted.limit == int(memory.now)
    assert (home(spinning.pid), home(spinning.pid, MEMORY)) == (Path(cpu.group), Path(memory.group))
    with pytest.raises(AgentError, match=r"has a limit already; lift that first$"):
        client.limit_cpu([spinning.pid], share=0.2)
    client.lift_limit(memory)
    client.lift_limit(cpu)


def test_one_that_has_ended_leaves_an_empty_group_that_goes(client: AgentClient, directory: Path) -> None:
    spinning = spawn(client, directory)
    limit = client.limit_cpu([spinning.pid], share=0.5)
    client.signal([spinning.pid], Signals.SIGKILL)
    client.wait(spinning.pid, timeout=10)
    client.lift_limit(limit)
    assert not Path(limit.group).exists()
    with pytest.raises(AgentError, match=r"^none of these processes is in a cpu control group that can be seen here$"):
        client.limit_cpu([spinning.pid], share=0.5)


def test_a_group_of_its_own_is_limited_in_place(client: AgentClient, directory: Path) -> None:
    """As a container's is."""
    hierarchy = find_hierarchy(CPU)
    own = home(os.getpid())
    if hierarchy is None or own is None or hierarchy.version != 1:
        pytest.skip("a group like a container's takes version 1 to make here")
    spinning = spawn(client, directory)
    group = own / f"unit-{spinning.pid}"
    group.mkdir()
    try:
        (group / "cgroup.procs").write_text(str(spinning.pid))
        limit = client.limit_cpu([spinning.pid], share=0.1)
        assert (limit.group, limit.made, limit.before) == (str(group), False, "100000 -1")
        assert limit_in_force(group, CPU) == "100000 10000" == limit.now
        client.lift_limit(limit)
        assert limit_in_force(group, CPU) == limit.before
        assert home(spinning.pid) == group
    finally:
        client.signal([spinning.pid], Signals.SIGKILL)
        client.wait(spinning.pid, timeout=10)
        group.rmdir()


def test_groups_of_others_are_not_lifted(client: AgentClient) -> None:
    group = home(os.getpid())
    assert group is not None
    with pytest.raises(AgentError, match=f"^{group} has no limit of this agent's$"):
        client.call("lift_limit", group=str(group))


def test_an_agent_that_ends_leaves_no_group(isolation: Isolation, directory: Path) -> None:
    with launch_agent(socket=directory / "a.sock", isolation=isolation) as agent, agent.client() as client:
        limit = client.limit_cpu([spawn(client, directory).pid], share=0.5)
    assert not Path(limit.group).exists()


def test_what_a_killed_agent_leaves_is_removed_by_the_next_run(isolation: Isolation, directory: Path) -> None:
    with killed_agent(isolation, directory) as (client, agent):
        limit = client.limit_cpu([spawn(client, directory).pid], share=0.5)
        assert limit.group not in remove_stale_groups()  # while it lives
        assert Path(limit.group).exists()
        agent.kill()
        agent.wait()

        def removed() -> bool:
            remove_stale_groups()  # nothing as long as what was in it is dying; or a run beside this one was first
            return not Path(limit.group).exists()

        wait_until(removed, "the group is gone")


@contextmanager
def killed_agent(isolation: Isolation, directory: Path) -> Iterator[tuple[AgentClient, subprocess.Popen[bytes]]]:
    """An agent, and the process by which it is killed without a word to anybody."""
    agent: AgentProcess = launch_agent(socket=directory / "k.sock", isolation=isolation)
    try:
        with agent.client() as client:
            yield client, agent._process
    finally:
        agent.close()


def test_where_no_group_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    found = probe(CPU, token="unit")
    assert not found.available
    assert found.reason.startswith("the cpu control group ")
    assert found.reason.endswith(" may not be changed: Permission denied")
    assert found.remedy.startswith("run as root and outside of a container")


def test_where_nothing_is_mounted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chaos.agent.control_groups.find_hierarchy", lambda controller: None)
    assert probe(MEMORY, token="unit").reason == "no control groups with the memory controller are mounted here"


V1 = "31 24 0:26 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n"


def test_a_hierarchy_of_version_1_is_found_by_its_controllers(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + V1)
    found = find_hierarchy(CPU, mounts=mounts)
    assert found is not None
    assert (found.version, found.mount, found.root) == (1, Path("/sys/fs/cgroup/cpu,cpuacct"), PurePosixPath("/"))
    assert find_hierarchy(MEMORY, mounts=mounts) is None


def test_in_version_2_groups_are_made_where_the_controller_is_handed_on(tmp_path: Path) -> None:
    """A directory with the files that a kernel of version 2 has there, as under systemd."""
    inner = tmp_path / "user.slice" / "user-0.slice" / "session-1.scope"
    inner.mkdir(parents=True)
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    (tmp_path / "cgroup.subtree_control").write_text("cpu memory pids\n")
    (tmp_path / "user.slice" / "cgroup.subtree_control").write_text("memory pids\n")
    (inner / "cgroup.subtree_control").write_text("\n")
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"30 24 0:26 / {tmp_path} rw - cgroup2 cgroup2 rw,nsdelegate\n")
    cpu, memory = find_hierarchy(CPU, mounts=mounts), find_hierarchy(MEMORY, mounts=mounts)
    assert cpu is not None
    assert memory is not None
    assert (cpu.version, cpu.place_beside(inner), memory.place_beside(inner)) == (2, tmp_path, tmp_path / "user.slice")
    (tmp_path / "cgroup.subtree_control").write_text("pids\n")
    assert cpu.place_beside(inner) is None


def test_both_versions_are_set_and_read(tmp_path: Path) -> None:
    assert limits_of_cpu(1, share=0.25) == [("cpu.cfs_period_us", "100000"), ("cpu.cfs_quota_us", "25000")]
    assert limits_of_cpu(2, share=0.001) == [("cpu.max", "1000 100000")]  # the least a kernel takes
    assert limits_of_memory(2, size=1 << 20) == [("memory.max", "1048576"), ("memory.swap.max", "0")]
    assert limits_of_memory(1, size=(1 << 20) + 5) == [
        ("memory.limit_in_bytes", "1048576"),
        ("memory.memsw.limit_in_bytes", "1048576"),
    ]
    (tmp_path / "cpu.stat").write_text("usage_usec 9\nnr_periods 7\nnr_throttled 5\nthrottled_usec 250000\n")
    assert cpu_counters(tmp_path) == CpuCounters(periods=7, throttled=5, seconds=0.25)
    (tmp_path / "cpu.stat").write_text("nr_periods 7\nnr_throttled 5\nthrottled_time 250000000\n")
    assert cpu_counters(tmp_path) == CpuCounters(periods=7, throttled=5, seconds=0.25)
    (tmp_path / "memory.current").write_text("4096\n")
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.events").write_text("low 0\nmax 3\noom 1\noom_kill 2\n")
    assert memory_counters(tmp_path) == MemoryCounters(used=4096, limit=None, refused=3, killed=2)
    assert cpu_counters(tmp_path / "gone") is None
    assert memory_counters(tmp_path / "gone") is None
