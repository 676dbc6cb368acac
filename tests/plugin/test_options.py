"""What the options do, seen from outside."""

from __future__ import annotations

import re
import shlex
import textwrap
from pathlib import Path
from xml.etree import ElementTree

import pytest

from chaos.report import CellOutcome, list_runs, open_run, read_cells
from tests.plugin.conftest import WriteTarget
from tests.running import ROOT, run_pytest

SCENARIO = "tests/scenarios/test_establishment.py::test_simultaneous[calm]"
CLEANUP = "tests/scenarios/test_cleanup.py::test_dead_peers_are_released[vanished]"
PROCESSES = "--chaos-runtime=processes"


READS = "  dead peers are released: reads liveness.heartbeat_interval,"


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
    assert READS in ended.stdout
    assert f"\n    '{CLEANUP}'\n" in ended.stdout
    assert not list(tmp_path.glob("runs/*/cells/*"))


def test_what_the_plan_names_can_be_run(tmp_path: Path, write_target: WriteTarget) -> None:
    """Each cell by the name that a shell and pytest take, those that would be run first; the rest by its reason."""
    options = ["-m", "chaos and not slow", f"--chaos-target={write_target()}", PROCESSES, "--chaos-dry=plan"]
    ended = run_pytest(["tests/scenarios", *options], directory=tmp_path, env={"COLUMNS": "90"})
    plan = ended.stdout.split(" plan ")[1].split("collected ")[0]
    run, _, skipped = plan.partition("\nskipped\n")
    names = [shlex.split(line)[0] for line in run.splitlines() if line.startswith("    'tests/")]
    assert SCENARIO in names
    assert all(file.startswith("tests/scenarios/test_establishment.py::") for file in names)
    assert "  2, not declared (bounded_memory): bounded memory, a connection's cost; bounded memory," in skipped
    (counted,) = re.findall(r"\n(\d+) of (\d+) scenarios would be run;", skipped)
    assert int(counted[0]) == len(names)
    left_out = sum(int(number) for number in re.findall(r"^  (\d+), ", skipped, re.MULTILINE))
    assert left_out == int(counted[1]) - len(names)
    assert re.search(r"\n34 slow scenarios deselected by -m 'chaos and not slow', of which none would", skipped)
    assert all(len(line) <= 90 for line in skipped.splitlines())
    again = run_pytest([*names, *options], directory=tmp_path)
    assert f"{len(names)} of {len(names)} scenarios would be run" in again.stdout


def test_the_plan_names_slow_ones_that_were_left_out_and_would_be_run(tmp_path: Path) -> None:
    leaks = "tests/scenarios/test_leak_free.py"
    ended = run_pytest([leaks, "-m", "chaos and not slow", PROCESSES, "--chaos-dry=plan"], directory=tmp_path)
    told = " ".join(ended.stdout.split())
    deselected = r"(\d+) slow scenarios deselected by -m 'chaos and not slow', of which (\d+) would be run here: leak "
    found = re.search(deselected, told)
    assert found is not None
    assert int(found[2]) == int(found[1]) - 2, "all but the two that take TLS"


def test_the_plan_knows_what_the_target_file_alone_rules_out(tmp_path: Path, write_target: WriteTarget) -> None:
    promises = """
    [promises.liveness]
    heartbeat_interval = "2s"
    heartbeat_timeout = "2s"
    [promises.cleanup]
    closed_within = "2s"
    """
    chosen = ["tests/scenarios/test_cleanup.py", "tests/scenarios/test_pressure.py", "-k", "tls-truncated or disk-full"]
    ended = run_pytest(
        [*chosen, f"--chaos-target={write_target(more=promises)}", PROCESSES, "--chaos-dry=plan"], directory=tmp_path
    )
    told = " ".join(ended.stdout.split())
    assert (
        "1, needs a server that speaks TLS: small declares no TLS; say how it is known under [tls]: cleanup, ended "
        "connections are released (tls-truncated)" in told
    )
    assert "1, needs a disk of the server's own: small writes to no disk that could be its own; name " in told
    assert "0 of " in told


def test_a_misspelt_option_names_the_nearest(tmp_path: Path) -> None:
    ended = run_pytest([SCENARIO, "--chaos-lane=2"], directory=tmp_path)
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR, ended.stdout
    assert ended.stderr.splitlines()[-1] in ("", "ERROR: there is no option --chaos-lane; did you mean --chaos-lanes?")
    assert "did you mean --chaos-lanes?" in ended.stderr
    ended = run_pytest([SCENARIO, "--chaos-xyzzy"], directory=tmp_path)
    assert "unrecognized arguments: --chaos-xyzzy" in ended.stderr


def test_a_replay_leaves_latest_where_it_is(tmp_path: Path) -> None:
    """Whoever replays one cell of the newest run, and then says `latest`, means that run."""
    run_pytest([SCENARIO, PROCESSES], directory=tmp_path)
    first = open_run(tmp_path, "latest")
    replayed = run_pytest([SCENARIO, PROCESSES, f"--chaos-replay-of={first.id}"], directory=tmp_path)
    assert replayed.returncode == pytest.ExitCode.OK, replayed.stdout
    assert open_run(tmp_path, "latest").id == first.id
    newest = list_runs(tmp_path)[-1]
    assert (newest.header.replay_of, len(newest.cells())) == (first.id, 1)
    assert newest.header.declares is not None
    assert "liveness" in newest.header.declares


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
    told = " ".join(ended.stdout.split())
    for scenario in ("nothing kept of what was half done", "nothing kept of crashes around the upgrade"):
        assert re.search(rf" {scenario}: reads [^']*; slow; beside others '", told)
    dead = r" nothing kept of dead peers: reads [^']*; slow: 18 to 60 rounds of up to 44s each, so up to 792s, or 44min"
    assert re.search(dead, told)
    assert '7 of them are slow; -m "chaos and not slow" leaves them out\n' in ended.stdout
    ended = run_pytest([leaks, "-m", "chaos and not slow", *plan], directory=tmp_path)
    assert "of them are slow" not in ended.stdout


def test_the_example_of_the_readme_has_its_dead_peers_looked_for(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    file = tmp_path / "target.toml"
    file.write_text(example)
    plan = [f"--chaos-target={file}", PROCESSES, "--chaos-dry=plan"]
    ended = run_pytest(["tests/scenarios", "-m", "chaos", *plan], directory=tmp_path)
    assert READS in ended.stdout


def test_without_its_fault_nothing_is_red(tmp_path: Path) -> None:
    ended = run_pytest([SCENARIO, CLEANUP, PROCESSES, "--chaos-dry=no-faults"], directory=tmp_path)
    assert ended.returncode == pytest.ExitCode.OK, ended.stdout
    assert "every fault is left out, so any red is a bug of the suite" in ended.stdout
    assert "proven" not in ended.stdout, "nothing was put to the test"


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
    assert "- skipped 1: not declared: liveness\n" in ended.stdout
    assert "dead peers are released" not in ended.stdout, "the row has nothing else to say"
    assert "SKIPPED [" not in ended.stdout, "told once is enough"
    (cell,) = read_cells(open_run(tmp_path, "latest"))
    assert cell.outcome is CellOutcome.SKIPPED
    assert cell.detail == (
        "the contract declares no promises.liveness.heartbeat_interval, promises.liveness.heartbeat_timeout"
    )


def test_a_run_of_skips_can_be_made_red(write_target: WriteTarget, tmp_path: Path) -> None:
    file = write_target()
    summary = tmp_path / "job.md"
    options = [f"--chaos-target={file}", PROCESSES, "--chaos-require=1", f"--chaos-summary={summary}"]
    ended = run_pytest([CLEANUP, *options], directory=tmp_path)
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED, ended.stdout
    told = "0 scenarios judged, --chaos-require=1 asks for more"
    assert ended.stdout.splitlines()[-1] == f"chaos: FAILED: {told}"
    assert summary.read_text().startswith(f"### WebSocket chaos: FAILED, {told}; 1 skipped\n")


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
        r"of 10 dead connections .*; promised: all 10 released within 1.87s \(heartbeat interval 500ms \+ ", flat
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
