"""A conductor that hangs: its scenario is inconclusive, in words, and the next one has another."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.report import CellOutcome, open_run, read_cells
from tests.running import run_pytest

HANGING = "tests/plugin/scenarios_that_hang.py"


def test_a_conductor_that_hangs_is_told_in_words_and_replaced(tmp_path: Path) -> None:
    ended = run_pytest([HANGING, "--chaos-runtime=processes"], directory=tmp_path)
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED, ended.stdout
    cells = {cell.scenario: cell for cell in read_cells(open_run(tmp_path, "latest"))}
    hung = cells["the conductor hangs"]
    assert hung.outcome is CellOutcome.INCONCLUSIVE
    assert hung.detail.startswith(
        "the harness failed in call: the conductor did not answer wait_until(ConnectionsAtMost, 0.5) within "
    )
    assert "it hangs, or this machine is overloaded" in ended.stdout
    assert "Traceback" not in ended.stdout
    assert cells["the next one"].outcome is CellOutcome.HELD
