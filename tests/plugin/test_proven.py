"""An author says which of the own cells have been seen red, and the matrix believes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.report import open_run
from chaos.report.proven import ProvenCell, proven_for, render_proven, shipped_proven
from tests.running import run_pytest

SCENARIO = "tests/plugin/scenarios_of_an_author.py"
CELL = ProvenCell("survival", "one beside another's reset", "client-reset", ("a_defect_of_ones_own",))


def test_the_author_s_cells_are_drawn_full(tmp_path: Path) -> None:
    assert CELL.key not in {cell.key for cell in shipped_proven()}, "take a cell that the suite has not proven"
    alone = run_pytest([SCENARIO, "--chaos-runtime=processes"], directory=tmp_path / "alone")
    assert "0 of 1 held are proven" in alone.stdout, "nobody has vouched for it"
    mine = tmp_path / "mine.toml"
    mine.write_text(render_proven([CELL]), encoding="utf-8")
    ended = run_pytest(
        [SCENARIO, "--chaos-runtime=processes", "-o", f"chaos_proven={mine}"], directory=tmp_path / "runs"
    )
    assert ended.returncode == pytest.ExitCode.OK, ended.stdout + ended.stderr
    assert "1 of 1 held are proven: each has been seen red against a defect" in ended.stdout
    assert CELL.key in proven_for(open_run(tmp_path / "runs", "latest")), "and its report can be made again"


def test_a_file_that_is_not_there_ends_the_run_before_it_begins(tmp_path: Path) -> None:
    ended = run_pytest([SCENARIO, "--chaos-runtime=processes", "-o", "chaos_proven=none.toml"], directory=tmp_path)
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert "none.toml: No such file or directory; chaos_proven names it" in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
