"""One of the servers that nobody here wrote, for real: `websockets`, which the suite has anyway."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from chaos.report.cells import CellOutcome, read_cells
from chaos.report.runs import open_run
from tests.running import ROOT, run_scenarios

STRANGER = ROOT / "targets/strangers/websockets"
THEIRS = "../../../.chaos/strangers/websockets/bin/python"
"""The interpreter of the stranger's own environment, which only `make strangers` makes."""


@pytest.mark.parametrize("answers", [True, False], ids=["as it is", "hangs up"])
def test_a_strangers_cells_are_judged(answers: bool, tmp_path: Path) -> None:
    mine = tmp_path / "websockets"
    shutil.copytree(STRANGER, mine)
    file, server = mine / "target.toml", mine / "server.py"
    text = file.read_text(encoding="utf-8")
    assert THEIRS in text
    file.write_text(text.replace(THEIRS, "{python}"), encoding="utf-8")
    if not answers:
        code = server.read_text(encoding="utf-8")
        assert "await websocket.send(message)" in code
        server.write_text(code.replace("await websocket.send(message)", "return"), encoding="utf-8")
    ended = run_scenarios(
        ["test_establishment.py::test_simultaneous[calm]"],
        runtime="processes",
        directory=tmp_path / "state",
        options=[f"--chaos-target={file}"],
    )
    (cell,) = read_cells(open_run(tmp_path / "state"))
    assert (ended.returncode == 0) is answers, ended.stdout
    assert (cell.outcome is CellOutcome.HELD) is answers, cell.detail
