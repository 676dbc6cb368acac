"""Naming processes: pids of /proc, start times, and signals that reach exactly one process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from chaos.agent.identity import Identity, identify, local_pid, own_pid, send_signal, shown_pid, start_time

from .support import DEADLINE


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", "import signal; signal.pause()"]) as process:
        yield process
        process.kill()


def test_this_process_is_known_under_the_pid_of_proc() -> None:
    assert identify(own_pid()) == Identity(pid=own_pid(), started=start_time(own_pid()) or 0)
    assert local_pid(own_pid()) == os.getpid()


def test_a_process_that_ended_is_nobody(sleeper: subprocess.Popen[bytes]) -> None:
    process = identify(sleeper.pid)
    assert process is not None
    assert process.alive()
    sleeper.kill()
    sleeper.wait(DEADLINE)
    assert not process.alive()
    assert identify(sleeper.pid) is None
    assert start_time(sleeper.pid) is None
    assert local_pid(sleeper.pid) is None
    assert send_signal(process, signal.SIGTERM) is False


def test_a_signal_goes_to_the_process_meant(sleeper: subprocess.Popen[bytes]) -> None:
    process = identify(sleeper.pid)
    assert process is not None
    assert send_signal(process, signal.SIGTERM) is True
    assert sleeper.wait(DEADLINE) == -signal.SIGTERM


def test_whoever_has_a_reused_pid_is_not_hit(sleeper: subprocess.Popen[bytes]) -> None:
    real = identify(sleeper.pid)
    assert real is not None
    predecessor = Identity(pid=real.pid, started=real.started - 1)
    assert not predecessor.alive()
    assert send_signal(predecessor, signal.SIGKILL) is False
    assert sleeper.poll() is None


def test_a_pidfd_tells_the_pid_that_proc_shows(sleeper: subprocess.Popen[bytes]) -> None:
    pidfd = os.pidfd_open(sleeper.pid)
    try:
        assert shown_pid(pidfd) == sleeper.pid
        sleeper.kill()
        sleeper.wait(DEADLINE)
        assert shown_pid(pidfd) == -1
    finally:
        os.close(pidfd)
