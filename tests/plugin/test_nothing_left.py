"""After any run, also one that was interrupted or whose processes were killed, nothing is left once the next starts."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from chaos.agent.hermetic import probe_isolation
from chaos.journal import Healing, read_journal
from tests.leftovers import Unmarked, leftovers, owned_processes, unmarked
from tests.running import ROOT, RUNTIMES, run_pytest, until

pytestmark = pytest.mark.timeout(350)

LONG = "tests/scenarios/test_leak_free.py::test_nothing_kept[calm]"
SHORT = "tests/scenarios/test_establishment.py::test_simultaneous[calm]"
FAULTS = {
    "a rule of the kernel": "tests/scenarios/test_cleanup.py::test_dead_peers_are_released[vanished]",
    "a stopped process": "tests/scenarios/test_liveness.py::test_paused_server_cuts_nobody[server-stopped]",
    "a limit of a group": "tests/scenarios/test_pressure.py::test_heartbeat_without_cpu[cpu-quota]",
}
"""Each kept up by something else, which outlives the suite if nobody takes it back."""
SLOW = "--chaos-target=targets/reference/staging.toml"
"""A heartbeat of 15 s: a fault is in force for the better part of a minute, however late somebody looks."""
WITHIN = 150.0
"""Seconds for a run to get where it is wanted, or to end: a whole one takes 6 s here, and this only ends a hang."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """A run in the middle of a scenario."""

    process: subprocess.Popen[str]
    temporary: Path
    """Its temporary directory, which nobody else uses."""
    unmarked: Unmarked

    @property
    def pid(self) -> int:
        return self.process.pid

    def ended(self) -> str:
        """Wait for its end; what it said."""
        return self.process.communicate(timeout=WITHIN)[0]

    def left(self) -> list[str]:
        """What it has left: one line each."""
        files = [f"temporary file {path}" for path in self.temporary.rglob("*")]
        return [*leftovers(self.pid), *self.unmarked.left(), *files]


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A temporary directory for a run. Not pytest's own: sockets in it must not have too long a path."""
    path = Path(tempfile.mkdtemp(prefix="left-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def under_way(runtime: str, tmp_path: Path, temporary: Path) -> Iterator[UnderWay]:
    """A run in the middle of a scenario: clients have connected."""
    with _running(LONG, runtime, tmp_path, temporary) as (process, found):
        until(lambda: any(tmp_path.glob("runs/*/cells/*/crowd-*.ndjson")), process, within=WITHIN)
        yield found()


@pytest.fixture
def in_force(fault: str, runtime: str, tmp_path: Path, temporary: Path) -> Iterator[UnderWay]:
    """A run whose fault has bitten, and is in force."""
    with _running(FAULTS[fault], runtime, tmp_path, temporary, SLOW) as (process, found):
        until(lambda: any(map(_has_bitten, tmp_path.glob("runs/*/cells/*/*.ndjson"))), process, within=WITHIN)
        yield found()


def _has_bitten(segment: Path) -> bool:
    return '{"kind":"Receipt"' in segment.read_text(encoding="utf-8")


@contextlib.contextmanager
def _running(
    scenario: str, runtime: str, directory: Path, temporary: Path, *options: str
) -> Iterator[tuple[subprocess.Popen[str], Callable[[], UnderWay]]]:
    """A run of a scenario, and what tells where it is by now."""
    process = subprocess.Popen(
        [
            sys.executable, "-m", "pytest", "-p", "no:cacheprovider", scenario,
            f"--chaos-runtime={runtime}", f"--chaos-dir={directory}", *options,
        ],
        cwd=ROOT, env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip

    def found() -> UnderWay:
        assert any(temporary.iterdir())  # else it has them elsewhere, and that it is empty means nothing
        noted = unmarked(process.pid)
        if runtime == "containers" or probe_isolation().hermetic.available:
            assert any(name.startswith("net:") for name in noted.namespaces)
        return UnderWay(process=process, temporary=temporary, unmarked=noted)

    try:
        yield process, found
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_ctrl_c_leaves_nothing(runtime: str, under_way: UnderWay) -> None:
    under_way.process.send_signal(signal.SIGINT)
    output = under_way.ended()
    assert under_way.process.returncode == pytest.ExitCode.INTERRUPTED, output
    assert owned_processes(under_way.pid) == {}
    assert under_way.left() == []


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_ctrl_c_again_and_again_is_answered_in_words_and_leaves_nothing(runtime: str, under_way: UnderWay) -> None:
    """Who presses it twice is impatient, and gets the matrix all the same: no page of pytest's own calls."""
    for _ in range(4):
        if under_way.process.poll() is None:
            under_way.process.send_signal(signal.SIGINT)
        time.sleep(0.15)
    output = under_way.ended()
    assert under_way.process.returncode == pytest.ExitCode.INTERRUPTED, output
    assert "Traceback" not in output
    assert "promises x faults   target " in output
    assert owned_processes(under_way.pid) == {}
    assert under_way.left() == []


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_killed_suite_is_cleaned_up_by_the_next_start(runtime: str, under_way: UnderWay, tmp_path: Path) -> None:
    under_way.process.kill()
    under_way.ended()
    _next_run_finds_all_well(runtime, tmp_path, after=under_way)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_fault_that_was_in_force_is_healed_by_the_next_start(
    fault: str, runtime: str, in_force: UnderWay, tmp_path: Path
) -> None:
    in_force.process.kill()
    killed = time.monotonic()
    in_force.ended()
    # A helper that notices may take it back by itself.
    healings = [each for path in tmp_path.glob("runs/*/cells/*") for each in read_journal(path).of(Healing)]
    assert all(healing.at > killed for healing in healings)
    if fault == "a limit of a group" and runtime == "processes":
        assert in_force.unmarked.groups  # in a container it is the engine's own group that is limited
    _next_run_finds_all_well(runtime, tmp_path, after=in_force)


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
    victim: str, runtime: str, under_way: UnderWay, tmp_path: Path
) -> None:
    victims = [pid for pid, command in owned_processes(under_way.pid).items() if victim in command]
    assert victims, owned_processes(under_way.pid)
    for pid in victims:
        _kill(pid)
    output = under_way.ended()
    assert under_way.process.returncode != pytest.ExitCode.OK, output
    assert "violated 1" not in output, output  # a helper's death is never the server's fault
    _next_run_finds_all_well(runtime, tmp_path, after=under_way)


def _next_run_finds_all_well(runtime: str, directory: Path, *, after: UnderWay) -> None:
    temporary = {"TMPDIR": str(after.temporary)}
    ended = run_pytest([SHORT, f"--chaos-runtime={runtime}"], directory=directory, env=temporary)
    assert ended.returncode == pytest.ExitCode.OK, ended.stdout + ended.stderr
    assert after.left() == []


def _kill(pid: int) -> None:
    """SIGKILL one process of the run by its pid."""
    with contextlib.suppress(ProcessLookupError):  # it may have died with another of the victims
        os.kill(pid, signal.SIGKILL)
