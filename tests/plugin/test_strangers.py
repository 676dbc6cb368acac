"""One of the servers that nobody here wrote, for real: `websockets`, which the suite has anyway."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.report.cells import CellOutcome, read_cells
from chaos.report.runs import open_run
from tests.leftovers import leftovers
from tests.running import ROOT, run_scenarios, until

STRANGER = ROOT / "targets/strangers/websockets"
THEIRS = "../../../.chaos/strangers/websockets/bin/python"
"""The interpreter of the stranger's own environment, which only `make strangers` makes."""
WITHIN = 150.0
"""Seconds for a run to get into its scenario, or to end: it takes 6 s here, and this only ends a hang."""


@pytest.mark.parametrize("answers", [True, False], ids=["as it is", "hangs up"])
def test_a_strangers_cells_are_judged(answers: bool, tmp_path: Path) -> None:
    mine = tmp_path / "websockets"
    shutil.copytree(STRANGER, mine)
    file, server = mine / "target.toml", mine / "server.py"
    text = file.read_text(encoding="utf-8")
    assert THEIRS in text
    file.write_text(text.replace(THEIRS, "{python}"), encoding="utf-8")
    if not answers:
        # Those that come first are answered: a server that answers nobody is told of before any scenario.
        served = "await websocket.send(message)"
        first_two = f"seen.add(websocket.id)\n        if len(seen) > 2:\n            return\n        {served}"
        code = server.read_text(encoding="utf-8")
        assert served in code
        code = code.replace(served, first_two).replace("async def echo", "seen = set()\n\n\nasync def echo")
        server.write_text(code, encoding="utf-8")
    ended = run_scenarios(
        ["test_establishment.py::test_simultaneous[calm]"],
        runtime="processes",
        directory=tmp_path / "state",
        options=[f"--chaos-target={file}"],
    )
    (cell,) = read_cells(open_run(tmp_path / "state"))
    assert (ended.returncode == 0) is answers, ended.stdout
    assert (cell.outcome is CellOutcome.HELD) is answers, cell.detail


@pytest.mark.parametrize("vouched", [False, True])
def test_a_server_that_answers_nobody_is_judged_where_its_file_is_vouched_for(vouched: bool, tmp_path: Path) -> None:
    mine = tmp_path / "websockets"
    shutil.copytree(STRANGER, mine)
    file, server = mine / "target.toml", mine / "server.py"
    file.write_text(file.read_text(encoding="utf-8").replace(THEIRS, "{python}"), encoding="utf-8")
    code = server.read_text(encoding="utf-8")
    server.write_text(code.replace("await websocket.send(message)", "return"), encoding="utf-8")
    ended = run_scenarios(
        ["test_establishment.py::test_simultaneous[calm]"],
        runtime="processes",
        directory=tmp_path / "state",
        options=[f"--chaos-target={file}", *(["--chaos-vouched"] if vouched else [])],
    )
    assert ended.returncode == 1, ended.stdout
    cells = read_cells(open_run(tmp_path / "state"))
    assert [cell.outcome for cell in cells] == ([CellOutcome.VIOLATED] if vouched else [])
    if vouched:
        (cell,) = cells
        assert cell.worst is not None
        assert cell.worst.observed.startswith("0 of 10 attempts got in; the others: 10 x closed with 1000")
        (said,) = (run := open_run(tmp_path / "state")).header.options
        assert (said, run.header.target) == ("--chaos-vouched", "websockets")
    else:
        assert "ERROR: nothing was tested: websockets is healthy and does not converse as" in ended.stdout


def test_ctrl_c_of_a_survey_ends_the_run_under_way_and_leaves_nothing(tmp_path: Path) -> None:
    """SIGINT to the survey's process group, as a terminal sends it, in the middle of a scenario."""
    mine = tmp_path / "websockets"
    shutil.copytree(STRANGER, mine)
    file, state = mine / "target.toml", tmp_path / "state"
    file.write_text(file.read_text(encoding="utf-8").replace(THEIRS, "{python}"), encoding="utf-8")
    survey = subprocess.Popen(
        [
            sys.executable, "-m", "chaos", "survey", str(file), f"--state={state}",
            "--collect=tests/scenarios/test_cleanup.py::test_dead_peers_are_released[silent]",
        ],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        until(lambda: any(state.glob("runs/*/cells/*/crowd-*.ndjson")), survey, within=WITHIN)
        (pytest_of_it,) = _children(survey.pid)
        os.killpg(survey.pid, signal.SIGINT)
        said, _ = survey.communicate(timeout=WITHIN)
    finally:
        survey.kill()
        survey.communicate()
    assert survey.returncode == 130, said
    assert not Path(f"/proc/{pytest_of_it}").exists()
    assert leftovers(pytest_of_it) == []


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
