"""Scenarios that only wait run side by side; what is seen of them is as if they had run one after the other."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import psutil
import pytest

from chaos.report import CellOutcome, open_run, read_cells
from tests.leftovers import leftovers
from tests.plugin.scenarios_that_wait import LET_GO, SCENARIOS
from tests.running import CONTAINERS_SLOWLY, ROOT, RUNTIMES, children_with, run_pytest, until

BREAKER = "tests/scenarios/test_breaker.py"
HEARTBEAT = "tests/scenarios/test_liveness.py::test_heartbeat[calm]"
ALONE = "tests/scenarios/test_establishment.py::test_simultaneous[calm]"
WAITING = "tests/plugin/scenarios_that_wait.py"
PROCESSES = "--chaos-runtime=processes"
WITHIN = 150.0
"""Seconds for a run to get where it is wanted, or to end: a whole one takes 12 s here, and this only ends a hang."""


def began(directory: Path) -> dict[str, tuple[float, float]]:
    """Test to when it ran, seconds since the epoch, by its cell's directory: made at its start, written to its end."""
    run = open_run(directory, "latest")
    return {
        run.node(cell.name): (
            (cell / "cell.json").stat().st_mtime,
            max(path.stat().st_mtime for path in cell.glob("*.ndjson")),
        )
        for cell in run.cells()
    }


def most_at_once(times: dict[str, tuple[float, float]]) -> int:
    """How many ran at the same time, at the most."""
    return max(sum(1 for start, end in times.values() if start <= moment < end) for moment, _ in times.values())


@pytest.mark.parametrize("runtime", CONTAINERS_SLOWLY)
def test_those_that_wait_run_side_by_side_and_the_others_alone(runtime: str, tmp_path: Path) -> None:
    ended = run_pytest(
        [
            BREAKER,
            ALONE,
            "-k",
            "errors or simultaneous",
            "-m",
            "chaos",
            f"--chaos-runtime={runtime}",
            "--chaos-lanes=3",
        ],
        directory=tmp_path,
    )
    assert ended.returncode == pytest.ExitCode.OK, ended.stdout
    assert "scenarios that only wait run 3 at a time (--chaos-lanes=1: one after the other)" in ended.stdout
    times = began(tmp_path)
    alone = times.pop(ALONE)
    # Lanes begin one after the other: on a busy machine two have done it all before the third is there.
    assert most_at_once(times) in (2, 3)
    assert all(end <= alone[0] for _, end in times.values()), "what measures time has the machine to itself"
    # Each file is named once, as it is where one test follows the other.
    assert ended.stdout.count("tests/scenarios/test_breaker.py ") == 1


def test_one_lane_runs_them_one_after_the_other(tmp_path: Path) -> None:
    few = [f"{BREAKER}::{name}[upstream-errors]" for name in ("test_opens_at_threshold", "test_tries_again")]
    ended = run_pytest([*few, "-m", "chaos", PROCESSES, "--chaos-lanes=1"], directory=tmp_path)
    assert "2 passed" in ended.stdout
    assert ended.returncode == pytest.ExitCode.OK, ended.stdout
    assert "at a time" not in ended.stdout
    assert most_at_once(began(tmp_path)) == 1


def test_a_red_is_told_alike_whichever_lane_saw_it(tmp_path: Path) -> None:
    """The same scenarios in one lane and in three: the same verdicts, sentences and messages, but for figures."""
    nodes = [
        f"{BREAKER}::test_opens_at_threshold[upstream-errors]",
        f"{BREAKER}::test_opens_at_threshold[upstream-hangs]",
    ]
    told = []
    for lanes in (1, 2):
        directory = tmp_path / str(lanes)
        directory.mkdir()
        junit = directory / "junit.xml"
        ended = run_pytest(
            [*nodes, HEARTBEAT, ALONE, PROCESSES, "--chaos-env=DEFECT=breaker_opens_late", "--chaos-seed=3",
             f"--chaos-lanes={lanes}", f"--junitxml={junit}"],
            directory=directory,
        )  # fmt: skip
        assert ended.returncode == pytest.ExitCode.TESTS_FAILED, ended.stdout
        assert "Traceback" not in ended.stdout
        assert "2 failed, 2 passed" in ended.stdout
        cases = {case.attrib["name"]: case for case in ElementTree.parse(junit).getroot().iter("testcase")}
        told.append({name: _message(case) for name, case in cases.items()})
    assert told[0] == told[1]
    assert told[0]["test_opens_at_threshold[upstream-errors]"].startswith(
        "violated: breaker, opens at its threshold under upstream-errors: "
    )


def _message(case: ElementTree.Element) -> str:
    """What JUnit says of a case, without the run's own name."""
    failure = case.find("failure")
    properties = {item.attrib["name"]: item.attrib["value"] for item in case.iter("property")}
    message = failure.attrib["message"] if failure is not None else properties["chaos.verdict"]
    return re.sub(r"replay \S+", "replay RUN", message)


@pytest.mark.slow
def test_lanes_find_their_scenarios_from_any_directory(tmp_path: Path) -> None:
    """And write none of the files that the user's pytest writes."""
    log = tmp_path / "pytest.log"
    ended = run_pytest(
        ["scenarios/test_breaker.py", "-k", "errors", "-m", "chaos", PROCESSES, "--chaos-lanes=2", f"--log-file={log}",
         f"--chaos-target={ROOT / 'targets' / 'reference'}", f"--basetemp={tmp_path / 'base'}"],
        directory=tmp_path,
        cwd=ROOT / "tests",
    )  # fmt: skip
    assert ended.returncode == pytest.ExitCode.OK, ended.stdout
    assert "a lane" not in ended.stdout
    assert most_at_once(began(tmp_path)) == 2
    assert log.is_file()


@pytest.mark.slow
def test_a_lane_that_collects_something_else_is_not_used(tmp_path: Path) -> None:
    """A plugin may choose anew in every process; nothing is lost by it."""
    (tmp_path / "choosing.py").write_text(
        textwrap.dedent(
            """
            import os

            def pytest_collection_modifyitems(items):
                if "CHAOS_LANE_WAS" in os.environ:
                    del items[1:]

            def pytest_configure(config):
                if config.pluginmanager.has_plugin("chaos-lane"):
                    os.environ["CHAOS_LANE_WAS"] = "1"
            """
        )
    )
    ended = run_pytest(
        [BREAKER, "-k", "errors", "-m", "chaos", PROCESSES, "--chaos-lanes=2", "-p", "choosing"],
        directory=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
    )
    assert ended.returncode == pytest.ExitCode.OK, ended.stdout
    assert "a lane has collected other scenarios than this process, so it was not used" in ended.stdout
    assert most_at_once(began(tmp_path)) == 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["-x"], "-x or --maxfail was given"),
        (["--pdb"], "--pdb was given"),
        (["-s"], "-s was given"),
    ],
)
def test_who_looks_closely_gets_one_after_the_other(arguments: list[str], reason: str, tmp_path: Path) -> None:
    ended = run_pytest([BREAKER, "-m", "chaos", PROCESSES, "--chaos-dry=plan", *arguments], directory=tmp_path)
    assert f"scenarios run one after the other: {reason}" in ended.stdout
    assert "; beside others" not in ended.stdout


def test_the_plan_says_what_runs_beside_what(tmp_path: Path) -> None:
    ended = run_pytest(
        [BREAKER, ALONE, "-m", "chaos", PROCESSES, "--chaos-dry=plan", "--chaos-lanes=2"], directory=tmp_path
    )
    assert "run 2 at a time" in ended.stdout
    told = " ".join(ended.stdout.split())
    assert re.search(r" all at once: reads [^;']* 'tests/", told)
    assert re.search(r" opens at its threshold: reads [^;']*; beside others 'tests/", told)


@pytest.mark.parametrize("text", ["0", "-1", "two"])
def test_a_number_of_lanes_that_is_none(text: str, tmp_path: Path) -> None:
    ended = run_pytest([ALONE, f"--chaos-lanes={text}"], directory=tmp_path)
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"--chaos-lanes takes a whole number from 1 up; found '{text}'" in ended.stderr


@pytest.fixture
def let_go(tmp_path: Path) -> Path:
    """The file that ends the waiting of `scenarios_that_wait` once it is there."""
    return tmp_path / "go"


@pytest.fixture
def under_way(runtime: str, tmp_path: Path, let_go: Path) -> Iterator[subprocess.Popen[str]]:
    """A run whose three lanes are all in the middle of a scenario, and stay there until they are let go."""
    process = subprocess.Popen(
        [
            sys.executable, "-m", "pytest", "-p", "no:cacheprovider", WAITING, f"--chaos-runtime={runtime}",
            f"--chaos-dir={tmp_path}", "--chaos-lanes=3",
        ],
        cwd=ROOT, env={**os.environ, LET_GO: str(let_go)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        until(lambda: len(at_work(process, tmp_path)) == 3, process, within=WITHIN)
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def at_work(run: subprocess.Popen[str], directory: Path) -> set[int]:
    """Pids of the lanes, the run itself among them, that are in the middle of a scenario."""
    lanes = (run.pid, *lanes_of(run))
    cells = [cell for cell in directory.glob("runs/*/cells/*") if any(cell.glob("crowd-*.ndjson"))]
    segments = [(pid, segment) for pid in lanes for cell in cells for segment in cell.glob(f"pytest-{pid}.ndjson")]
    return {pid for pid, segment in segments if '"kind":"VerdictGiven"' not in segment.read_text(encoding="utf-8")}


def lanes_of(run: subprocess.Popen[str]) -> list[int]:
    """Pids of a run's other lanes: pytest processes, as nothing else is that it starts."""
    return children_with("pytest", run.pid)


@pytest.mark.timeout(350)
@pytest.mark.parametrize("runtime", CONTAINERS_SLOWLY)
def test_ctrl_c_ends_every_lane(runtime: str, under_way: subprocess.Popen[str]) -> None:
    lanes = lanes_of(under_way)
    assert len(lanes) == 2
    under_way.send_signal(signal.SIGINT)
    output, _ = under_way.communicate(timeout=WITHIN)
    assert under_way.returncode == pytest.ExitCode.INTERRUPTED, output
    assert not any(map(psutil.pid_exists, lanes))
    assert [left for pid in (under_way.pid, *lanes) for left in leftovers(pid)] == []


@pytest.mark.timeout(350)
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_killed_run_takes_its_lanes_along(runtime: str, under_way: subprocess.Popen[str], tmp_path: Path) -> None:
    lanes = lanes_of(under_way)
    under_way.kill()
    under_way.communicate(timeout=WITHIN)
    ended = run_pytest([ALONE, f"--chaos-runtime={runtime}"], directory=tmp_path)
    assert ended.returncode == pytest.ExitCode.OK, ended.stdout + ended.stderr
    assert not any(map(psutil.pid_exists, lanes))
    assert [left for pid in (under_way.pid, *lanes) for left in leftovers(pid)] == []


@pytest.mark.timeout(350)
@pytest.mark.parametrize("runtime", CONTAINERS_SLOWLY)
def test_a_lane_that_is_killed_loses_one_scenario_and_no_other(
    runtime: str, under_way: subprocess.Popen[str], let_go: Path, tmp_path: Path
) -> None:
    victim, other = lanes_of(under_way)
    os.kill(victim, signal.SIGKILL)
    let_go.touch()
    output, _ = under_way.communicate(timeout=WITHIN)
    assert under_way.returncode == pytest.ExitCode.TESTS_FAILED, output
    assert "a lane of this run ended with -9 before its time" in output
    cells = read_cells(open_run(tmp_path, "latest"))
    assert len(cells) == SCENARIOS
    assert f"1 failed, {SCENARIOS - 1} passed" in output, output
    (lost,) = [cell for cell in cells if cell.outcome is not CellOutcome.HELD]
    assert (lost.outcome, lost.promise) == (CellOutcome.INCONCLUSIVE, "liveness")
    assert lost.expects, "it goes by its scenario's marks, in the row where it would have been judged"
    ended = run_pytest([ALONE, f"--chaos-runtime={runtime}"], directory=tmp_path)
    assert ended.returncode == pytest.ExitCode.OK, ended.stdout + ended.stderr
    assert [left for pid in (under_way.pid, victim, other) for left in leftovers(pid)] == []
