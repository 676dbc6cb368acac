"""Running pytest on scenarios in a process of its own, as a user would."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest

from chaos.runtime.selection import usable_runtimes

__all__ = [
    "CONTAINERS_SLOWLY",
    "ROOT",
    "RUNTIMES",
    "RUNTIME_NAMES",
    "Ended",
    "children_with",
    "run_pytest",
    "run_scenarios",
    "until",
]

ROOT = Path(__file__).resolve().parents[1]

_USABLE = usable_runtimes()

RUNTIME_NAMES = tuple(_USABLE)
"""Every runtime that starts servers, usable here or not."""

RUNTIMES = [
    pytest.param(name, marks=() if reason is None else pytest.mark.skip(reason=reason))
    for name, reason in _USABLE.items()
]
"""The runtimes that start servers; those this machine cannot hold are skipped with the reason."""

CONTAINERS_SLOWLY = [
    pytest.param(*each.values, marks=[*each.marks, *([pytest.mark.slow] if each.values == ("containers",) else [])])
    for each in RUNTIMES
]
"""The same where a test takes half a minute in containers, and what is another there is tested elsewhere too: left to
`make test-full`."""


HANGS = 300.0
"""Seconds after which a run that a test has started is taken to hang. Those of the suite take 10 to 60 s on two idle
cores, and five times that has been seen where six of them and a build ran side by side."""


def bound_runs(items: Sequence[pytest.Item], folder: Path) -> None:
    """Bound the tests of a folder that start runs, and say nothing else of their time, by what a hang is."""
    for item in items:
        if item.path.is_relative_to(folder) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(HANGS + 30))


class Ended(subprocess.CompletedProcess[str]):
    """A run of pytest that has ended, and the pid it had: what it owned goes by that."""

    def __init__(self, process: subprocess.Popen[str], stdout: str, stderr: str) -> None:
        super().__init__(process.args, process.returncode, stdout, stderr)
        self.pid = process.pid


def run_pytest(
    arguments: Sequence[str],
    *,
    directory: Path,
    timeout: float = HANGS,
    env: dict[str, str] | None = None,
    cwd: Path = ROOT,
) -> Ended:
    """pytest, in the repository's root unless told otherwise, with its runs kept in `directory`."""
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--chaos-dir={directory}", *arguments],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    return Ended(process, stdout, stderr)


def run_scenarios(
    nodes: Sequence[str], *, runtime: str, directory: Path, options: Sequence[str] = (), timeout: float = HANGS
) -> Ended:
    """Scenarios below tests/scenarios, in one runtime, within `timeout` s."""
    wanted = [f"tests/scenarios/{node}" for node in nodes]
    return run_pytest([*wanted, f"--chaos-runtime={runtime}", *options], directory=directory, timeout=timeout)


def children_with(argument: str, pid: int, *, deeper: bool = False) -> list[int]:
    """Pids of a process's children (`deeper`: of all below it) that have an argument; one that has ended has none."""

    def arguments(process: psutil.Process) -> list[str]:
        try:
            return process.cmdline()
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            return []

    return [child.pid for child in psutil.Process(pid).children(recursive=deeper) if argument in arguments(child)]


def until(there: Callable[[], bool], process: subprocess.Popen[str], *, within: float) -> None:
    """Wait until a run has got somewhere. Raises AssertionError with its output when it ends or `within` s are over."""
    deadline = time.monotonic() + within
    while not there():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise AssertionError(f"the run never got that far:\n{process.communicate()[0]}")
        time.sleep(0.01)
