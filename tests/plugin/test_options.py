"""What the options do, seen from outside."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from xml.etree import ElementTree

import pytest

from chaos.report import CellOutcome, open_run, read_cells
from tests.plugin.conftest import WriteTarget
from tests.running import ROOT, run_pytest

SCENARIO = "tests/scenarios/test_establishment.py::test_simultaneous[calm]"
CLEANUP = "tests/scenarios/test_cleanup.py::test_dead_peers_are_released[vanished]"
PROCESSES = "--chaos-runtime=processes"


VANISHED = "dead peers are released under vanished (cleanup-dead_peers_are_released-vanished)"


def test_header_says_what_was_taken_and_how_to_get_the_other(tmp_path: Path) -> None:
    ended = run_pytest([SCENARIO, PROCESSES, f"--chaos-summary={tmp_path / 'job.md'}"], directory=tmp_path)
    assert ended.returncode == pytest.ExitCode.OK, ended.stdout
    assert (tmp_path / "job.md").read_text().startswith("### WebSocket chaos: 1 held\n")
    assert "chaos: target reference, runtime processes (it was asked for)" in ended.stdout
    assert re.search(r"chaos: run \S+, seed \d+; for containers: ", ended.stdout)
    assert "promises x faults" in ended.stdout
    assert (tmp_path / "latest" / "report.html").is_file()


def test_what_is_declared_and_read_by_no_scenario_is_told(write_target: WriteTarget, tmp_path: Path) -> None:
    scenarios = tmp_path / "scenarios"
    scenarios.mkdir()
    (scenarios / "test_mine.py").write_text(
        textwrap.dedent(
            """
            import pytest

            @pytest.mark.chaos
            @pytest.mark.promise("liveness", "mine", expects="It is.")
            @pytest.mark.reads("establishment.within", optional=["liveness.heartbeat_interval"])
            async def test_mine(experiment):
                pass
            """
        )
    )
    file = write_target(more='\n[promises.liveness]\nheartbeat_interval = "1s"\nmax_age = "1h"\n')
    plan = [f"--chaos-target={file}", PROCESSES, "--chaos-dry=plan", "-p", "fixtures.plugin"]
    ended = run_pytest([str(scenarios), *plan], directory=tmp_path)
    assert "chaos: declared, and read by no scenario: promises.liveness.max_age\n" in ended.stdout
    # Whoever asks for one file does not ask whether it reads everything.
    ended = run_pytest([str(scenarios / "test_mine.py"), *plan], directory=tmp_path)
    assert "read by no scenario" not in ended.stdout


def test_plan_does_nothing(tmp_path: Path) -> None:
    ended = run_pytest(["tests/scenarios", "-m", "chaos", PROCESSES, "--chaos-dry=plan"], directory=tmp_path)
    assert ended.returncode in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED), ended.stdout
    assert f"{VANISHED}: reads liveness.heartbeat_interval" in ended.stdout
    assert not list(tmp_path.glob("runs/*/cells/*"))


def test_plan_says_what_is_slow_and_how_long_it_may_take(tmp_path: Path, write_target: WriteTarget) -> None:
    promises = """
    [promises.liveness]
    heartbeat_interval = "30s"
    heartbeat_timeout = "10s"
    [promises.cleanup]
    closed_within = "2s"
    [promises.leak_free]
    fds_per_connection = 0.01
    memory_per_connection = "10kB"
    """
    plan = [f"--chaos-target={write_target(more=promises)}", PROCESSES, "--chaos-dry=plan"]
    leaks = "tests/scenarios/test_leak_free.py"
    ended = run_pytest([leaks, "-m", "chaos", *plan], directory=tmp_path)
    slow = [line for line in ended.stdout.splitlines() if "; slow" in line]
    begun = [line.partition(" under ")[0].strip() for line in slow]
    half_way = ["nothing kept of what was half done"] * 3 + ["nothing kept of crashes around the upgrade"]
    assert begun == [*half_way, *["nothing kept of dead peers"] * 3]
    dead = slow[-3:]
    assert all("; slow: 18 to 60 rounds of up to 40s each, so up to 12min, or 40min where" in line for line in dead)
    assert '7 of them are slow; -m "chaos and not slow" leaves them out\n' in ended.stdout
    ended = run_pytest([leaks, "-m", "chaos and not slow", *plan], directory=tmp_path)
    assert "slow" not in ended.stdout.split(" plan ")[1]


def test_the_example_of_the_readme_has_its_dead_peers_looked_for(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    file = tmp_path / "target.toml"
    file.write_text(example)
    plan = [f"--chaos-target={file}", PROCESSES, "--chaos-dry=plan"]
    ended = run_pytest(["tests/scenarios", "-m", "chaos", *plan], directory=tmp_path)
    assert f"{VANISHED}: reads liveness.heartbeat_interval" in ended.stdout


def test_without_its_fault_nothing_is_red(tmp_path: Path) -> None:
    ended = run_pytest([SCENARIO, CLEANUP, PROCESSES, "--chaos-dry=no-faults"], directory=tmp_path)
    assert ended.returncode == pytest.ExitCode.OK, ended.stdout
    assert "every fault is left out, so any red is a bug of the suite" in ended.stdout


@pytest.mark.slow
@pytest.mark.timeout(1230)
def test_without_any_fault_the_whole_matrix_is_green(tmp_path: Path) -> None:
    ended = run_pytest(
        ["tests/scenarios", "-m", "chaos", PROCESSES, "--chaos-dry=no-faults"], directory=tmp_path, timeout=1200
    )
    assert ended.returncode == pytest.ExitCode.OK, ended.stdout


def test_undeclared_promise_is_skipped_and_says_so(write_target: WriteTarget, tmp_path: Path) -> None:
    file = write_target()
    ended = run_pytest([CLEANUP, f"--chaos-target={file}", PROCESSES], directory=tmp_path)
    assert ended.returncode == pytest.ExitCode.OK, ended.stdout
    assert "the contract declares no promises.liveness.heartbeat_interval" in ended.stdout
    (cell,) = read_cells(open_run(tmp_path, "latest"))
    assert cell.outcome is CellOutcome.SKIPPED


def test_a_run_of_skips_can_be_made_red(write_target: WriteTarget, tmp_path: Path) -> None:
    file = write_target()
    ended = run_pytest([CLEANUP, f"--chaos-target={file}", PROCESSES, "--chaos-require=1"], directory=tmp_path)
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED, ended.stdout
    assert "0 scenarios judged, --chaos-require=1 asks for more" in ended.stdout


def test_a_stranger_s_server_is_judged_by_what_it_declares(write_target: WriteTarget, tmp_path: Path) -> None:
    file = write_target()
    ended = run_pytest(
        ["tests/scenarios/test_establishment.py", "-m", "chaos", f"--chaos-target={file}", PROCESSES],
        directory=tmp_path,
    )
    assert ended.returncode == pytest.ExitCode.OK, ended.stdout
    assert {cell.outcome for cell in read_cells(open_run(tmp_path, "latest"))} == {CellOutcome.HELD}


def test_a_broken_promise_is_one_sentence_with_the_command_that_replays_it(tmp_path: Path) -> None:
    ended = run_pytest(
        [CLEANUP, PROCESSES, "--chaos-env=DEFECT=keep_dead_connections", "--chaos-seed=7"], directory=tmp_path
    )
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED, ended.stdout
    assert "Traceback" not in ended.stdout
    flat = " ".join(ended.stdout.split())
    assert "VIOLATED cleanup, dead peers are released under vanished: " in flat
    assert re.search(
        r"of 10 dead connections .*; promised: all 10 released within 1.7s \(heartbeat interval 500ms \+ ", flat
    )
    assert "python -m chaos replay " in flat
    (cell,) = read_cells(open_run(tmp_path, "latest"))
    assert cell.outcome is CellOutcome.VIOLATED


def test_junit_carries_verdict_and_figures(tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    run_pytest(
        [SCENARIO, CLEANUP, PROCESSES, "--chaos-env=DEFECT=keep_dead_connections", f"--junitxml={file}"],
        directory=tmp_path,
    )
    held, violated = ElementTree.parse(file).getroot().iter("testcase")
    assert _properties(held)["chaos.verdict"] == "held"
    assert _properties(held)["chaos.figure"].startswith("10/10")
    assert _properties(violated)["chaos.verdict"] == "violated"
    failure = violated.find("failure")
    assert failure is not None
    message = failure.attrib["message"]
    assert message.startswith("violated: cleanup, dead peers are released under vanished: ")
    assert "python -m chaos replay " in message
    assert len(message) <= 500


def test_a_scenario_without_its_promise_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(
        "import pytest\n\n@pytest.mark.chaos\nasync def test_mine(experiment):\n    pass\n"
    )
    ended = run_pytest(
        [str(tmp_path / "test_mine.py"), f"--rootdir={tmp_path}", "-p", "fixtures.plugin", "-o", "asyncio_mode=auto"],
        directory=tmp_path,
    )
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert "a chaos scenario names its promise" in ended.stdout + ended.stderr


def _properties(case: ElementTree.Element) -> dict[str, str]:
    return {item.attrib["name"]: item.attrib["value"] for item in case.iter("property")}
