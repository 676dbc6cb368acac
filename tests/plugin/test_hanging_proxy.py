"""A Toxiproxy that hangs is told, with the remedy, in seconds: never the server's fault, nor the next scenario's."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.journal import Note, read_journal
from chaos.report import CellOutcome, open_run, read_cells
from chaos.runtime.engine import connect, find_engine
from chaos.runtime.owned import OWNER_LABEL
from tests.leftovers import leftovers, owned_processes
from tests.plugin import hanging_toxiproxy
from tests.plugin.conftest import WriteTarget
from tests.running import CONTAINERS_SLOWLY, HANGS, ROOT, RUNTIMES, run_pytest, until

SCENARIO = "tests/scenarios/test_establishment.py::test_simultaneous[calm]"
REFERENCE = "targets/reference/target.toml"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """What takes the place of `toxiproxy-server`."""
    file = tmp_path / "toxiproxy-server"
    file.write_text(f"#!{sys.executable}\n" + Path(hanging_toxiproxy.__file__).read_text())
    file.chmod(0o700)
    return file


def _tested(program: Path, way: str, tmp_path: Path, *options: str) -> str:
    """What a run says in which Toxiproxy hangs in this way, in one line: lines are broken where the terminal ends."""
    began = time.monotonic()
    ended = run_pytest(
        [SCENARIO, "--chaos-runtime=processes", "--chaos-proxy=toxiproxy", *options],
        directory=tmp_path,
        env={"CHAOS_TOXIPROXY_SERVER": str(program), "HANGS": way, "COLUMNS": "200"},
    )
    # A run of nothing but this scenario takes 3 s here, and a hang costs it two deadlines of 5 s at most; what hangs
    # without one ends by the scenario's own, beyond 240 s.
    assert time.monotonic() - began < 60
    output = ended.stdout + ended.stderr
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED, output
    assert "Traceback" not in output
    assert leftovers(ended.pid) == []
    return " ".join(output.split())


def test_one_that_never_answers(program: Path, write_target: WriteTarget, tmp_path: Path) -> None:
    said = _tested(program, "at once", tmp_path, f"--chaos-target={write_target()}", "-p", "tests.plugin.impatient")
    assert re.search(
        r"ERROR: nothing was tested: Toxiproxy does not serve after 1s: no answer from 127\.0\.0\.1:\d+/version "
        rf"\(timed out\); see whether {re.escape(str(program))} is a Toxiproxy "
        r"\(CHAOS_TOXIPROXY_SERVER names another\), or take the embedded proxy \(--chaos-proxy=embedded\); "
        r"its log is empty",
        said,
    ), said


@pytest.mark.parametrize(
    ("way", "seen"),
    [
        ("later", "was not answered within 5s"),
        ("503", r"was given up by Toxiproxy itself after 25s \(HTTP 503\)"),
    ],
)
def test_one_that_makes_no_link(way: str, seen: str, program: Path, write_target: WriteTarget, tmp_path: Path) -> None:
    said = _tested(program, way, tmp_path, f"--chaos-target={write_target()}")
    assert re.search(
        rf"the harness failed in setup: Toxiproxy at 127\.0\.0\.1:\d+ hangs: creating 'clients-1' {seen}; the next "
        r"scenario gets a new one, and the embedded proxy does not hang like that "
        r"\(--chaos-runtime=processes --chaos-proxy=embedded\)",
        said,
    ), said
    assert "violated 0 ? inconclusive 1 " in said


@pytest.mark.parametrize(("way", "seen"), [("later", "it does not answer"), ("503", "it answers 503")])
def test_one_that_makes_no_link_to_the_upstream(way: str, seen: str, program: Path, tmp_path: Path) -> None:
    said = _tested(program, way, tmp_path, f"--chaos-target={REFERENCE}")
    assert re.search(
        r"ERROR: nothing was tested: Toxiproxy at 127\.0\.0\.1:\d+ does not make the link to the upstream on "
        rf"127\.0\.0\.1:\d+: {seen}; run again, or take the embedded proxy "
        r"\(--chaos-runtime=processes --chaos-proxy=embedded\)",
        said,
    ), said


def _half_way(runtime: str, what: str, tmp_path: Path) -> tuple[str, str]:
    """A run whose first of two scenarios loses the proxy, stopped or killed: its output, as it is and in one line."""
    running = subprocess.Popen(
        [
            sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--chaos-dir={tmp_path}", "--chaos-lanes=1",
            f"--chaos-runtime={runtime}", "tests/scenarios/test_leak_free.py::test_nothing_kept[calm]", SCENARIO,
        ],
        cwd=ROOT, env={**os.environ, "COLUMNS": "200"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        until(lambda: any(tmp_path.glob("runs/*/cells/*/crowd-*.ndjson")), running, within=60)
        with _lost_proxy(runtime, what, running.pid):
            output, _ = running.communicate(timeout=HANGS)
    finally:
        if running.poll() is None:
            running.kill()
            running.communicate()
    said = " ".join(output.split())
    assert running.returncode == pytest.ExitCode.TESTS_FAILED, output
    assert "Traceback" not in output
    assert "violated 0 ? inconclusive 1 ✓ held 1 " in said, output
    assert leftovers(running.pid) == []
    return output, said


@pytest.mark.timeout(350)
@pytest.mark.slow
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_one_that_hangs_half_way_spoils_one_scenario_only(runtime: str, tmp_path: Path) -> None:
    output, said = _half_way(runtime, "stopped", tmp_path)
    assert re.search(
        r"Toxiproxy at \S+ hangs: removing 'clients-\d+' was not answered within 5s; the next scenario gets a new one, "
        r"and the embedded proxy does not hang like that \(--chaos-runtime=processes --chaos-proxy=embedded\)",
        said,
    ), output


@pytest.mark.timeout(350)
@pytest.mark.parametrize("runtime", CONTAINERS_SLOWLY)
def test_one_that_dies_half_way_spoils_one_scenario_and_leaves_its_last_words(runtime: str, tmp_path: Path) -> None:
    output, said = _half_way(runtime, "killed", tmp_path)
    # Nobody answers for the address that a dead container had, so nobody refuses either.
    seen = {"processes": r"no Toxiproxy answers at \S+ \(removing", "containers": r"Toxiproxy at \S+ hangs: removing"}
    assert re.search(rf"{seen[runtime]} 'clients-\d+'", said), output
    (spoilt,) = [cell for cell in read_cells(open_run(tmp_path, "latest")) if cell.outcome is not CellOutcome.HELD]
    (note,) = [
        note.text
        for note in read_journal(open_run(tmp_path, "latest").cell(spoilt.slug)).of(Note)
        if note.text.startswith("the proxy or the upstream does not answer any more")
    ]
    assert {"processes": "listening on", "containers": "Starting Toxiproxy"}[runtime] in note


@contextlib.contextmanager
def _lost_proxy(runtime: str, what: str, owner_pid: int) -> Iterator[None]:
    """The proxy of a run, dead, or neither dead nor answering. The run ends in that state."""
    if runtime == "processes":
        (pid,) = [pid for pid, command in owned_processes(owner_pid).items() if "chaos.links.embedded" in command]
        os.kill(pid, {"stopped": signal.SIGSTOP, "killed": signal.SIGKILL}[what])
        yield
        return
    with contextlib.closing(connect(find_engine())) as client:
        (proxy,) = [
            container
            for container in client.containers.list(filters={"label": "chaos.role=toxiproxy"})
            if container.labels[OWNER_LABEL].startswith(f"{owner_pid}-")
        ]
        if what == "stopped":
            proxy.pause()
        else:
            proxy.kill()
        yield
