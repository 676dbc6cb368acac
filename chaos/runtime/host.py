"""This machine as the place where processes run: no namespace, but nothing outlives its owner all the same.

Three nets, one behind the other: each process leads a group of its own, which is killed on `close`; on Linux the
kernel kills the process when the owner dies; and what left its group is found by the deployment's mark in its
environment, by `close` or by the next run's reaper.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chaos.address import Address
from chaos.errors import EnvironmentFailure, ToolMissing
from chaos.runtime.logs import TOLD, tail
from chaos.runtime.marks import DEPLOYMENT_VARIABLE, kill_marked
from chaos.runtime.owner import OWNER_VARIABLE, Owner

__all__ = ["HostPlace", "HostProcess", "dial", "find_program"]

LEASH = Path(__file__).with_name("leash.py")

GONE_WITHIN = 5.0
"""Seconds for a process to be gone after SIGKILL: 1 to 30 ms here; a gigabyte of memory takes 0.2 s to give back."""


def find_program(program: str, *, env: Mapping[str, str], cwd: Path | None) -> None:
    """Raise ToolMissing unless `program` can be executed from `cwd` with this PATH."""
    if os.sep in program:
        found = os.access((cwd or Path.cwd()) / program, os.X_OK)
        where = f"in {cwd or Path.cwd()}"
    else:
        found = shutil.which(program, path=env.get("PATH", os.defpath)) is not None
        where = "on PATH"
    if not found:
        raise ToolMissing(f"command not found: {program!r} is not {where}; install it or correct the command")


def dial(address: Address, *, timeout: float) -> socket.socket:
    """A connected, blocking TCP socket of this machine. Raises OSError."""
    connection = socket.create_connection((address.host, address.port), timeout)
    connection.settimeout(None)
    return connection


class HostProcess:
    """A process of this machine, the leader of its own group."""

    def __init__(self, child: subprocess.Popen[bytes], *, mark: str, log: Path) -> None:
        self._child = child
        self._mark = mark
        self._log = log

    @property
    def pid(self) -> int:
        return self._child.pid

    def wait(self, timeout: float) -> int | None:
        try:
            return self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, sig: signal.Signals) -> None:
        self._child.send_signal(sig)

    def kill(self) -> None:
        """SIGKILL it, its group, and whatever it started that left the group."""
        # Once the leader was waited for, its number may become someone else's: then only the mark is to be trusted.
        if self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        if self.wait(GONE_WITHIN) is None:
            raise EnvironmentFailure(
                f"pid {self.pid} has not ended {GONE_WITHIN:g}s after SIGKILL: the kernel holds it in a system call"
            )
        deadline = time.monotonic() + GONE_WITHIN
        kill_marked(DEPLOYMENT_VARIABLE, lambda mark: mark == self._mark, deadline=deadline)

    def log_tail(self, lines: int = TOLD) -> list[str]:
        return tail(self._log, lines)


class HostPlace:
    """Starts processes on this machine; safe to use from several threads."""

    def __init__(self, *, owner: Owner, deployment: str) -> None:
        self._owner = owner
        self._deployment = deployment
        self._processes: list[HostProcess] = []
        # The kernel kills a leashed process when the *thread* that started it ends, so that thread has to be one
        # that lives as long as this place does.
        self._spawner = ThreadPoolExecutor(1, thread_name_prefix="chaos-spawn")

    def spawn(
        self, argv: Sequence[str], *, name: str, env: Mapping[str, str], log: Path, cwd: Path | None = None
    ) -> HostProcess:
        find_program(argv[0], env=env, cwd=cwd)
        return self._spawner.submit(self._spawn, list(argv), name, dict(env), log, cwd).result()

    def _spawn(self, argv: list[str], name: str, env: dict[str, str], log: Path, cwd: Path | None) -> HostProcess:
        mark = f"{self._deployment}/{name}.{len(self._processes)}"
        leash = [sys.executable, "-I", "-S", str(LEASH), str(os.getpid())] if sys.platform == "linux" else []
        with log.open("ab") as output:
            child = subprocess.Popen(
                [*leash, *argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**env, OWNER_VARIABLE: self._owner.token, DEPLOYMENT_VARIABLE: mark},
                cwd=cwd,
                start_new_session=True,
            )
        process = HostProcess(child, mark=mark, log=log)
        self._processes.append(process)
        return process

    def dial(self, address: Address, *, timeout: float) -> socket.socket:
        return dial(address, timeout=timeout)

    def close(self) -> None:
        self._spawner.shutdown()
        with contextlib.ExitStack() as kills:  # one that cannot be killed must not spare the others
            for process in self._processes:
                kills.callback(process.kill)
