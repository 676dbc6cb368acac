"""After any run, also one that was interrupted or whose processes were killed, nothing is left once the next starts."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.leftovers import leftovers, owned_processes
from tests.running import ROOT, RUNTIMES, run_pytest

pytestmark = pytest.mark.timeout(180)

LONG = "tests/scenarios/test_leak_free.py::test_nothing_kept[calm]"
SHORT = "tests/scenarios/test_establishment.py::test_simultaneous[calm]"
WITHIN = 60.0
"""Seconds for a run to get where it is wanted, or to end: a whole one takes 6 s here, and this only ends a hang."""


@pytest.fixture
def under_way(runtime: str, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A run in the middle of a scenario: clients have connected."""
    process = subprocess.Popen(
        [
            sys.executable, "-m", "pytest", "-p", "no:cacheprovider", LONG,
            f"--chaos-runtime={runtime}", f"--chaos-dir={tmp_path}",
        ],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        _until(lambda: any(tmp_path.glob("runs/*/cells/*/crowd-*.ndjson")), process)
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_ctrl_c_leaves_nothing(runtime: str, under_way: subprocess.Popen[str]) -> None:
    under_way.send_signal(signal.SIGINT)
    output, _ = under_way.communicate(timeout=WITHIN)
    assert under_way.returncode == pytest.ExitCode.INTERRUPTED, output
    assert owned_processes(under_way.pid) == {}
    assert leftovers(under_way.pid) == []


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_killed_suite_is_cleaned_up_by_the_next_start(
    runtime: str, under_way: subprocess.Popen[str], tmp_path: Path
) -> None:
    under_way.kill()
    under_way.communicate(timeout=WITHIN)
    _next_run_finds_all_well(runtime, tmp_path, after=under_way.pid)


@pytest.mark.parametrize(
    ("victim", "runtime"),
    [
        *(
            pytest.param(victim, *runtime.values, marks=runtime.marks)
            for victim in ("chaos.conductor", "chaos.crowd.worker", "chaos/agent/__main__")
            for runtime in RUNTIMES
        ),
        # In containers these two are processes of the engine's.
        ("chaos.upstream", "processes"),
        ("chaos.links.embedded", "processes"),
    ],
)
def test_killed_helper_is_no_green_and_leaves_nothing(
    victim: str, runtime: str, under_way: subprocess.Popen[str], tmp_path: Path
) -> None:
    victims = [pid for pid, command in owned_processes(under_way.pid).items() if victim in command]
    assert victims, owned_processes(under_way.pid)
    for pid in victims:
        _kill(pid)
    output, _ = under_way.communicate(timeout=WITHIN)
    assert under_way.returncode != pytest.ExitCode.OK, output
    assert "violated 1" not in output, output  # a helper's death is never the server's fault
    _next_run_finds_all_well(runtime, tmp_path, after=under_way.pid)


def _next_run_finds_all_well(runtime: str, directory: Path, *, after: int) -> None:
    ended = run_pytest([SHORT, f"--chaos-runtime={runtime}"], directory=directory)
    assert ended.returncode == pytest.ExitCode.OK, ended.stdout + ended.stderr
    assert leftovers(after) == []


def _kill(pid: int) -> None:
    """SIGKILL one process of the run by its pid."""
    with contextlib.suppress(ProcessLookupError):  # it may have died with another of the victims
        os.kill(pid, signal.SIGKILL)


def _until(there: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + WITHIN
    while not there():
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"the run never got that far:\n{process.communicate()[0]}")
        time.sleep(0.01)
