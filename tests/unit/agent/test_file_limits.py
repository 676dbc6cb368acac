"""The limit on open files of a process that runs: what is left to open, put back, and never the agent's own."""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path
from signal import Signals

import pytest

from chaos.agent.client import AgentClient
from chaos.agent.file_limits import limit_leaving
from chaos.agent.hermetic import AgentProcess
from chaos.errors import AgentError

from .support import DEADLINE, wait_until


@pytest.mark.parametrize(
    ("spare", "opened", "limit"),
    [(0, {0, 1, 2}, 3), (2, {0, 1, 2}, 5), (1, {0, 2}, 3), (2, {0, 2, 9}, 4), (0, {0, 1, 2, 9}, 3), (0, set(), 0)],
)
def test_it_is_about_numbers(spare: int, opened: set[int], limit: int) -> None:
    assert limit_leaving(spare, opened) == limit


def test_the_kernel_agrees() -> None:
    """With a gap among the numbers, as a server that has closed some has one."""
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(8)]
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    os.close(held.pop(3))
    limit = limit_leaving(3, [int(name) for name in os.listdir("/dev/fd") if os.path.exists(f"/dev/fd/{name}")])
    taken = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
        taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(3)]
        with pytest.raises(OSError, match="Too many open files") as caught:
            taken.append(os.open(os.devnull, os.O_RDONLY))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for fd in (*held, *taken):
            os.close(fd)
    assert caught.value.errno == errno.EMFILE


def test_a_living_process_is_limited_and_restored(client: AgentClient, directory: Path) -> None:
    sleeper = client.spawn(["sleep", "1000"], name="sleep", log=directory / "log")
    wait_until(
        lambda: len(os.listdir(f"/proc/{sleeper.pid}/fd")) == 3, "its libraries are loaded, and their files closed"
    )
    (found,) = client.limit_files([sleeper.pid], spare=2)
    assert (found.pid, found.started, found.now) == (sleeper.pid, sleeper.started, 5)  # 0, 1, 2 and two more
    assert _soft(sleeper.pid) == 5 < found.before
    assert client.restore_files([found]) == [sleeper.pid]
    assert _soft(sleeper.pid) == found.before


def test_one_that_has_ended_is_left_out(client: AgentClient, directory: Path) -> None:
    ended = client.spawn(["sleep", "1000"], name="sleep", log=directory / "log")
    limits = client.limit_files([ended.pid], spare=0)
    client.signal([ended.pid], Signals.SIGKILL)
    client.wait(ended.pid, timeout=DEADLINE)
    assert client.restore_files(limits) == []
    assert client.limit_files([ended.pid], spare=0) == []


def test_the_agent_is_not_limited(agent: AgentProcess, client: AgentClient) -> None:
    with pytest.raises(AgentError) as caught:
        client.limit_files([agent.pid], spare=0)
    assert str(caught.value) == f"pid {agent.pid} is the agent itself; it does not limit its own files"


def test_what_is_restored_was_answered_before(client: AgentClient) -> None:
    with pytest.raises(AgentError) as caught:
        client.call("restore_files", limits=[{"pid": 5}])
    assert str(caught.value) == (
        "restore_files: limits is what limit_files answered: pid, started, before, now; found [{'pid': 5}]"
    )


def _soft(pid: int) -> int:
    (line,) = (line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if "open files" in line)
    return int(line.split()[3])
