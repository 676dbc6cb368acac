"""Every defect is caught by its scenario, with the finding that names it, and touches no other promise."""

from __future__ import annotations

from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from chaos.report import CellOutcome, CellRecord, open_run, read_cells
from tests.detection.catalogue import CASES, Case
from tests.running import RUNTIMES, run_scenarios

pytestmark = [pytest.mark.detection, pytest.mark.timeout(180)]

ROOT = Path(__file__).resolve().parents[2]
DEFECTS = ROOT / "targets" / "reference" / "defects"


def _cases() -> list[ParameterSet]:
    """All of them; those that are not the first of their promise are left to `make test-full`."""
    seen: set[str] = set()
    found = []
    for case in CASES:
        found.append(pytest.param(case, id=case.defect, marks=[pytest.mark.slow] if case.promise in seen else []))
        seen.add(case.promise)
    return found


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("case", _cases())
def test_defect_is_caught(case: Case, runtime: str, tmp_path: Path) -> None:
    cells = _cells(case, runtime, tmp_path)

    caught = cells[f"tests/scenarios/{case.caught_by}"]
    assert caught.outcome is CellOutcome.VIOLATED, f"not caught: {caught}"
    violated = [finding.expectation for finding in caught.findings if finding.verdict == "violated"]
    assert case.finding in violated, f"caught for another reason: {violated}"
    for sentinel in case.sentinels:
        untouched = cells[f"tests/scenarios/{sentinel}"]
        assert untouched.outcome is CellOutcome.HELD, f"false alarm: {untouched}"


def test_every_defect_is_in_the_catalogue() -> None:
    written = {path.stem for path in DEFECTS.glob("*.py") if not path.stem.startswith("_")}
    assert written == {case.defect for case in CASES}


def _cells(case: Case, runtime: str, directory: Path) -> dict[str, CellRecord]:
    ended = run_scenarios(
        [case.caught_by, *case.sentinels],
        runtime=runtime,
        options=[f"--chaos-env=DEFECT={case.defect}"],
        directory=directory,
    )
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED, ended.stdout + ended.stderr
    return {cell.node: cell for cell in read_cells(open_run(directory, "latest"))}
