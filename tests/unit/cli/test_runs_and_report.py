"""`runs`, `report` and `replay` on recorded runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest
from report.samples import CELLS, make_run

from chaos.report import Run, create_run

from .conftest import Invoke, in_a_process

FEW = CELLS[:4]


@pytest.fixture
def run(project: Path) -> Run:
    return make_run(project / ".chaos", FEW)


# -- runs --------------------------------------------------------------------------------------------------------


def test_runs_are_listed_with_their_counts(chaos: Invoke, run: Run, project: Path) -> None:
    killed = make_run(project / ".chaos", (), finish=False)
    header, *lines = (re.split(" {2,}", line) for line in chaos("runs").out.splitlines())
    assert header == ["run", "started", "target", "runtime", "seed", "took", "cells"]
    assert [line[0] for line in lines] == [run.id, killed.id]
    assert lines[0][1] == time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.header.started))
    assert lines[0][2:5] == ["reference", "processes", "20250131"]
    assert lines[0][6] == "1 violated, 3 held"
    assert lines[1][5:] == ["unended", "no cells: not ended: it runs, or was killed"]


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--chaos-dry=plan",), 0, "a plan"),
        ((), 0, "nothing was run"),
        ((), 1, "did not start"),
        ((), 2, "interrupted"),
        ((), 4, "did not start"),
    ],
)
def test_what_a_run_without_cells_was(
    chaos: Invoke, project: Path, options: tuple[str, ...], code: int, told: str
) -> None:
    made = create_run(
        project / ".chaos",
        target="t",
        target_file="",
        runtime="r",
        runtime_reason="",
        seed=1,
        versions={},
        options=options,
    )
    made.finish(exit_code=code)
    assert chaos("runs").out.splitlines()[-1].endswith(f"  no cells: {told}")


def test_a_replay_says_of_what(chaos: Invoke, run: Run, project: Path) -> None:
    create_run(
        project / ".chaos",
        target="t",
        target_file="",
        runtime="r",
        runtime_reason="",
        seed=1,
        versions={},
        replay_of=run.id,
    ).new_cell(NODE)
    assert chaos("runs").out.splitlines()[-1].endswith(f"  1 inconclusive; replay of {run.id}")
    assert json.loads(chaos("runs", "--json", "-n", "1").out)["replay_of"] == run.id


def test_no_run_yet(chaos: Invoke, project: Path) -> None:
    (project / ".chaos").mkdir()
    assert chaos("runs").out == "no run has been recorded; `pytest -m chaos` records one\n"


def test_only_the_newest_are_listed(chaos: Invoke, run: Run, project: Path) -> None:
    newer = make_run(project / ".chaos", ())
    assert [line.split()[0] for line in chaos("runs", "-n", "1").out.splitlines()] == ["run", newer.id]
    assert [line.split()[0] for line in chaos("runs", "-n", "0").out.splitlines()] == ["run", run.id, newer.id]


def test_runs_as_json(chaos: Invoke, run: Run) -> None:
    record = json.loads(chaos("runs", "--json").out)
    assert record["id"] == run.id
    assert record["counts"] == {"held": 3, "violated": 1}
    assert record["exit_code"] == 1


# -- report ------------------------------------------------------------------------------------------------------


def test_the_newest_run_is_reported_and_its_page_written(chaos: Invoke, run: Run) -> None:
    run.html.unlink(missing_ok=True)
    result = chaos("report")
    assert result.code == 0
    assert "✗ violated 1   ? inconclusive 0   ✓ held 3   - skipped 0" in result.out
    assert result.out.splitlines()[-1] == f".chaos/runs/{run.id}/report.html"
    assert run.html.read_text().startswith("<!doctype html>")
    assert "\x1b" not in result.out, "this is no terminal"


def test_it_is_found_from_a_directory_below(
    chaos: Invoke, run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "deep").mkdir()
    monkeypatch.chdir(project / "deep")
    assert chaos("report").out.splitlines()[-1] == f"../.chaos/runs/{run.id}/report.html"


def test_an_older_run_by_the_beginning_of_its_id(chaos: Invoke, run: Run, project: Path) -> None:
    make_run(project / ".chaos", ())
    assert run.id in chaos("report", run.id[:-1]).out


def test_a_stream_without_the_signs(project: Path) -> None:
    """In the C locale a report prints what it can, and does not end in an encoding error."""
    make_run(project / ".chaos", [replace(FEW[0], figure="5 → open"), *FEW[1:]])
    script = (
        "import io, sys; sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding='ascii'); "
        "from chaos.cli import main; sys.exit(main(['report']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=project,
        env={"PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"X violated 1   ? inconclusive 0   + held 3" in done.stdout


def test_a_run_that_is_not_there(chaos: Invoke, run: Run) -> None:
    result = chaos("report", "2020")
    assert (result.code, result.out) == (2, "")
    assert result.err == f"error: no run '2020'; the newest runs are {run.id}\n"


def test_a_state_directory_that_is_not_there(chaos: Invoke) -> None:
    result = chaos("report", "--state", "elsewhere")
    assert result.code == 2
    assert result.err == "error: --state elsewhere: no run has been recorded; `pytest -m chaos` records one\n"


# -- replay ------------------------------------------------------------------------------------------------------

NODE = "tests/scenarios/test_establishment.py::test_simultaneous[latency]"
COMMAND = (
    f"python -m pytest '{NODE}' --chaos-target=targets/reference/target.toml "
    "--chaos-runtime=processes --chaos-seed=20250131 --chaos-replay-of="
)


def test_a_replay_prints_the_exact_command(chaos: Invoke, run: Run) -> None:
    result = chaos("replay", "latest", "establishment-simultaneous-latency", "--dry-run")
    assert (result.code, result.out) == (0, f"{COMMAND}{run.id}\n")


def test_several_cells_by_name_or_node_and_more_for_pytest(chaos: Invoke, run: Run) -> None:
    result = chaos("replay", run.id, NODE, "establishment-sequential", "--dry-run", "--", "-x", "-k", "a b")
    assert result.out == (
        f"python -m pytest '{NODE}' tests/scenarios/test_establishment.py::test_sequential "
        "--chaos-target=targets/reference/target.toml --chaos-runtime=processes --chaos-seed=20250131 "
        f"--chaos-replay-of={run.id} -x -k 'a b'\n"
    )


def test_an_unknown_cell_names_the_nearest(chaos: Invoke, run: Run) -> None:
    result = chaos("replay", "latest", "establishment-simultanous-latency")
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        f"error: run {run.id} has no cell 'establishment-simultanous-latency'; did you mean "
        "establishment-simultaneous-latency or establishment-simultaneous or establishment-sequential-latency?\n"
    )


@pytest.mark.parametrize(("verdict", "code"), [("pass", 0), ("assert False", 1)])
def test_a_replay_runs_the_command_and_ends_as_pytest_does(run: Run, project: Path, verdict: str, code: int) -> None:
    """From a directory below, with the target, runtime and seed of the run."""
    (project / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    (project / "conftest.py").write_text(
        dedent(
            """
            def pytest_addoption(parser):
                for name in ("target", "runtime", "seed", "replay-of"):
                    parser.addoption(f"--chaos-{name}")

            def pytest_report_header(config):
                asked = config.option
                return [f"asked for {asked.chaos_target} {asked.chaos_runtime} {asked.chaos_seed}"]
            """
        )
    )
    scenarios = project / "tests" / "scenarios"
    scenarios.mkdir(parents=True)
    (scenarios / "test_establishment.py").write_text(
        "import pytest\n@pytest.mark.parametrize('fault', ['latency', 'reset'])\n"
        f"def test_simultaneous(fault):\n    {verdict}\n"
    )
    result = in_a_process("replay", "latest", "establishment-simultaneous-latency", cwd=scenarios)
    assert result.code == code, result.out + result.err
    assert result.out.startswith(f"{COMMAND}{run.id}\n")
    assert "asked for targets/reference/target.toml processes 20250131" in result.out
    assert f"1 {'passed' if code == 0 else 'failed'}" in result.out
