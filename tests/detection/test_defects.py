"""Every defect is caught by its scenario, with the finding that names it, and touches no other promise."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from chaos.report import CellRecord, open_run, read_cells
from tests.detection.case import Case
from tests.detection.cases import CASES
from tests.detection.conftest import PROPERTY
from tests.detection.forms import Form, all_cells, nodes_for
from tests.detection.observed import end_of, judge, see, undecided
from tests.detection.turns import Turns
from tests.running import RUNTIMES, run_scenarios

pytestmark = [pytest.mark.detection]

ROOT = Path(__file__).resolve().parents[2]
DEFECTS = ROOT / "targets" / "reference" / "defects"


IN_CONTAINERS = ("breaker", "cleanup", "pressure", "survival")
"""Promises whose defect is run in containers by `make test`, for what they need is another there: the upstream's link,
the kernel's rules, control groups, and bytes written to the server itself. Those of the others run as processes."""


def _cases() -> list[ParameterSet]:
    """All of them. `make test` runs the first of each promise that takes no longer than a scenario, in one runtime; the
    rest is left to `make test-full`, and the whole catalogue in a runtime to `make detection`."""
    seen: set[str] = set()
    found = []
    for case in CASES:
        for runtime in RUNTIMES:
            (name,) = runtime.values
            quick = case.promise not in seen and not case.takes
            here = (name == "containers") == (case.promise in IN_CONTAINERS)
            marks = [] if quick and here else [pytest.mark.slow]
            found.append(pytest.param(case, name, id=f"{case.defect}-{name}", marks=[*runtime.marks, *marks]))
        if not case.takes:
            seen.add(case.promise)
    return found


@pytest.mark.parametrize(("case", "runtime"), _cases())
def test_defect_is_caught(
    case: Case, runtime: str, form: Form, turns: Turns, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """What is undecided beside others runs again, alone; what is red or held never does."""
    if runtime in case.not_in:
        pytest.skip(case.not_in[runtime])
    with turns.beside():
        code, said = _run(case, runtime, form, tmp_path / "beside")
    observation = see(case, runtime, _cells(tmp_path / "beside"), said=said)
    if undecided(case, observation):
        with turns.alone():
            code, said = _run(case, runtime, form, tmp_path / "alone")
        observation = replace(see(case, runtime, _cells(tmp_path / "alone"), said=said), again=True)
    record_property(PROPERTY, observation.to_json())
    judgement = judge(case, observation)
    assert judgement.complaint == "", observation.said
    assert judgement.false_alarms == (), observation.said
    # All green is an answer too: the judgement says what was not caught, and the table has it.
    assert code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED), end_of(said)


def test_every_defect_has_a_case() -> None:
    written = {path.stem for path in DEFECTS.glob("*.py") if not path.stem.startswith("_")}
    assert written == {case.defect for case in CASES}


def _run(case: Case, runtime: str, form: Form, directory: Path) -> tuple[int | None, str]:
    """Its exit code, None where it had to be ended, and all that it said."""
    directory.mkdir()
    try:
        ended = run_scenarios(
            nodes_for(case, form, runtime=runtime, cells=() if form is Form.NARROW else all_cells()),
            runtime=runtime,
            options=[
                f"--chaos-env=DEFECT={case.defect}",
                *case.options,
                *([f"--chaos-target={case.target}"] if case.target else []),
            ],
            directory=directory,
            timeout=form.limit + case.takes,
        )
    except subprocess.TimeoutExpired as hung:
        # What had come by then is bytes, also where text was asked for.
        parts = (part for part in (hung.stdout, hung.stderr) if isinstance(part, bytes))
        return None, "".join(part.decode(errors="replace") for part in parts) + f"\nnot over after {hung.timeout:g} s"
    return ended.returncode, ended.stdout + ended.stderr


def _cells(directory: Path) -> list[CellRecord]:
    """What the run has judged: nothing where it ended before it was one."""
    return read_cells(open_run(directory, "latest")) if (directory / "runs").is_dir() else []
