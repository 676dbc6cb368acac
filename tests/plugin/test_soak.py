"""A soak lasts as long as it is told to, is judged on what there is when it is cut short, and ends the session then."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.report import CellOutcome, open_run, read_cells
from tests.running import HANGS, ROOT, run_scenarios, until

pytestmark = pytest.mark.timeout(240)

SOAK = "test_soak.py"
AFTERWARDS = "test_latency.py::test_round_trips[calm]"


def test_without_a_duration_it_is_skipped_and_says_what_to_give(tmp_path: Path) -> None:
    ended = run_scenarios([SOAK], runtime="processes", directory=tmp_path, options=["-rs"])
    assert ended.returncode == pytest.ExitCode.OK, ended.stdout + ended.stderr
    assert "give --chaos-soak=DURATION (8h for a night, 2m to try it)" in ended.stdout
    assert {cell.outcome for cell in read_cells(open_run(tmp_path, "latest"))} == {CellOutcome.SKIPPED}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("5", "--chaos-soak: a duration is a number and a unit"),
        ("5s", "--chaos-soak takes 30s to 168h; found '5s'"),
        ("8 days", "--chaos-soak: a duration has one of the units"),
    ],
)
def test_a_duration_that_is_none(text: str, told: str, tmp_path: Path) -> None:
    ended = run_scenarios([SOAK], runtime="processes", directory=tmp_path, options=[f"--chaos-soak={text}"])
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert told in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_cut_short_it_is_judged_on_what_there_is_and_ends_the_session(number: signal.Signals, tmp_path: Path) -> None:
    """Every soak scenario has its verdict, whichever it is on a busy machine; what comes after them is not run."""
    nodes = [f"tests/scenarios/{node}" for node in (SOAK, AFTERWARDS)]
    options = ["--chaos-runtime=processes", "--chaos-soak=10m", f"--chaos-dir={tmp_path}", "-p", "no:cacheprovider"]
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *nodes, *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            until(lambda: "members" in _written(tmp_path), process, within=60.0)
            output = _read_until(process, "soak: ")
            process.send_signal(number)
            rest, _ = process.communicate(timeout=HANGS)
        finally:
            process.kill()
    output += rest
    assert process.returncode == pytest.ExitCode.INTERRUPTED, output
    assert f"soak: {number.name}: it ends here, and is judged on what there is" in output
    assert f"the soak was ended by {number.name}" in output
    cells = {cell.node.partition("::")[2]: cell for cell in read_cells(open_run(tmp_path, "latest"))}
    assert len(cells) == 5, output
    told = [finding.observed for cell in cells.values() for finding in cell.findings]
    assert any("of 10min, when it was interrupted" in observed for observed in told), told


def _written(directory: Path) -> str:
    """What the crowd workers have written so far."""
    return "".join(path.read_text() for path in directory.rglob("crowd*.ndjson"))


def _read_until(process: subprocess.Popen[str], text: str) -> str:
    """The output up to the line that begins so, which is the first line of progress."""
    assert process.stdout is not None
    read: list[str] = []
    for line in process.stdout:
        read.append(line)
        if line.startswith(text):
            return "".join(read)
    raise AssertionError(f"no line began with {text!r}:\n{''.join(read)}")
