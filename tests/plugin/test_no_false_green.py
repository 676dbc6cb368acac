"""However a scenario is written wrong, it is never green."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.report import CellOutcome, open_run, read_cells
from tests.running import run_pytest

WRONG = "tests/plugin/scenarios_that_are_wrong.py"


@pytest.mark.parametrize("mode", ["auto", pytest.param("strict", marks=pytest.mark.slow)])
def test_a_scenario_that_is_wrong_is_inconclusive_and_red(mode: str, tmp_path: Path) -> None:
    ended = run_pytest([WRONG, "--chaos-runtime=processes", "-o", f"asyncio_mode={mode}"], directory=tmp_path)
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED, ended.stdout
    assert " passed" not in ended.stdout.splitlines()[-1]
    cells = {cell.scenario: cell for cell in read_cells(open_run(tmp_path, "latest"))}
    assert len(cells) == 6
    assert {cell.outcome for cell in cells.values()} == {CellOutcome.INCONCLUSIVE}
    assert cells["judges nothing"].detail == "the scenario judged nothing: it has to await experiment.judge(...)"
    assert cells["judges an empty list"].detail == "nothing was given to judge"
    never = cells["never injects"].worst
    assert never is not None
    assert never.observed == "the fault of this cell, fin-without-close, was never injected"
    assert "injected after the judgement" in cells["injects too late"].detail


def test_a_run_of_wrong_scenarios_was_not_judged(tmp_path: Path) -> None:
    run_pytest([f"{WRONG}::test_judges_nothing", "--chaos-runtime=processes", "--chaos-require=1"], directory=tmp_path)
    assert open_run(tmp_path, "latest").header.exit_code == pytest.ExitCode.TESTS_FAILED
