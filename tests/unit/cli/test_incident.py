"""`python -m chaos incident`: which runs are made, in which order, and what the command ends with."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from chaos.cli import surveying
from chaos.cli.incident import VOUCHED
from chaos.journal import FindingMade, JournalWriter, VerdictGiven
from chaos.report.runs import create_run
from tests.unit.report.test_incident_file import INCIDENT, written

from .conftest import ROOT, Invoke

CELL = "tests/scenarios/test_latency.py::test_round_trips[calm]"


class Pytest:
    """Records one cell for the target it is called with, and what it was called with."""

    def __init__(self, project: Path, **outcomes: list[str]) -> None:
        self.calls: list[list[str]] = []
        self._project = project
        self._outcomes = {f"it-{name}": list(each) for name, each in outcomes.items()}

    def __call__(self, arguments: Sequence[str]) -> tuple[int, str]:
        self.calls.append(list(arguments))
        (file,) = (a.partition("=")[2] for a in arguments if a.startswith("--chaos-target="))
        name = f"it-{Path(file).stem}"
        outcome = self._outcomes[name].pop(0)
        made = create_run(
            self._project / ".chaos",
            target=name,
            target_file=file,
            runtime="processes",
            runtime_reason="asked for",
            seed=1,
            versions={},
        )
        cell = made.new_cell(CELL)
        with JournalWriter(cell, role="conductor", run=made.id, cell=cell.name) as journal:
            journal.write(
                FindingMade(
                    at=1.0, expectation="round_trips_within", verdict=outcome, observed="0 of 300", promised="all"
                )
            )
            journal.write(
                VerdictGiven(at=2.0, node=CELL, promise="latency", scenario="round trips", fault="", outcome=outcome)
            )
        return int(outcome != "held"), ""

    def options(self, number: int) -> list[str]:
        return [each for each in self.calls[number] if each == VOUCHED or each.startswith(("tests/", "--chaos-lanes"))]


@pytest.fixture
def incident(project: Path) -> str:
    (project / "it").mkdir()
    (project / "tests/scenarios").mkdir(parents=True)
    return written(project / "it").name


def run(project: Path, monkeypatch: pytest.MonkeyPatch, **outcomes: list[str]) -> Pytest:
    pytest_ = Pytest(project, **outcomes)
    monkeypatch.setattr(surveying, "_run_pytest", pytest_)
    return pytest_


def test_the_fixed_one_runs_first_and_vouches_for_the_file(
    chaos: Invoke, project: Path, incident: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = run(project, monkeypatch, after=["held"], before=["violated"])
    result = chaos("incident", incident)
    assert (result.code, result.err) == (0, "")
    assert result.out.endswith("\nit: reproduced and fixed\n\n")
    assert [ran.options(0), ran.options(1)] == [["tests/scenarios"], ["tests/scenarios/test_latency.py", VOUCHED]]


def test_where_the_fixed_one_holds_nothing_nobody_vouches(
    chaos: Invoke, project: Path, incident: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = run(project, monkeypatch, after=["violated"], before=["violated"])
    result = chaos("incident", incident)
    assert result.code == 1
    assert "it: reproduced and not fixed\n  after: latency, round trips is violated: 0 of 300" in result.out
    assert ran.options(1) == ["tests/scenarios/test_latency.py"]


def test_what_was_undecided_runs_again_alone_and_what_was_red_does_not(
    chaos: Invoke, project: Path, incident: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = run(project, monkeypatch, after=["inconclusive", "inconclusive", "held"], before=["violated"])
    result = chaos("incident", incident)
    assert result.code == 0
    assert ran.options(1) == ran.options(2) == [CELL, "--chaos-lanes=1"]
    assert result.out.count("it, after: 1 cell undecided, so once more and alone") == 2


def test_what_stays_undecided_is_not_fixed(
    chaos: Invoke, project: Path, incident: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = run(project, monkeypatch, after=["inconclusive"] * 4, before=["held"])
    result = chaos("incident", incident)
    assert result.code == 1
    assert "it: not reproduced and not fixed" in result.out
    assert len(ran.calls) == 5


def test_several_passes_end_with_how_often_it_was_reproduced_and_in_which_words(
    chaos: Invoke, project: Path, incident: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(project, monkeypatch, after=["held", "held"], before=["violated", "held"])
    result = chaos("incident", incident, "--times=2")
    assert result.code == 1
    assert "pass 2 of 2\n" in result.out
    assert result.out.endswith(
        "\nit: reproduced 1 of 2, fixed 2 of 2\n"
        "  red 1 of 2  before: test_latency.py::test_round_trips[calm]\n"
        "      0 of 300\n"
    )


def test_the_fixed_one_may_run_more_often_than_the_others(
    chaos: Invoke, project: Path, incident: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = run(project, monkeypatch, after=["held"] * 3, before=["violated"])
    result = chaos("incident", incident, "--times=1", "--after=2")
    assert (result.code, len(ran.calls)) == (0, 4)
    assert "pass 3 of 3\nit, after ...\nit, after: 0 violated, 0 inconclusive, 1 held, 0 skipped, 0s\nit: fixed\n" in (
        result.out
    )
    assert "\nit: reproduced 1 of 1, fixed 3 of 3\n  red 1 of 1  before: " in result.out


def test_the_fixed_one_alone(chaos: Invoke, project: Path, incident: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run(project, monkeypatch, after=["held", "violated"])
    result = chaos("incident", incident, "--after=2")
    assert result.code == 1
    assert "it: not fixed\n  after: latency, round trips is violated: 0 of 300" in result.out
    assert result.out.endswith("\nit: fixed 1 of 2\n")


def test_its_help_names_the_folders_that_are_there(
    chaos: Invoke, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "There is no targets/incidents here; " in chaos("incident", "--help").out
    monkeypatch.chdir(ROOT)
    told = chaos("incident", "--help").out
    assert "reproduced, and fixed?\n" in told
    assert "Here, in targets/incidents: breaker, broadcast, " in told
    assert "  python -m chaos incident targets/incidents/hub\n" in told


def test_no_pass_at_all_is_refused(chaos: Invoke, incident: str) -> None:
    result = chaos("incident", incident, "--times=0")
    assert result.code == 2
    assert "argument --times: a number of passes, one or more; found '0'" in result.err


def test_one_whose_servers_cannot_be_had_in_the_runtime_is_left_out(
    chaos: Invoke, project: Path, incident: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "elsewhere").mkdir()
    text = INCIDENT.replace('name = "it"', 'name = "elsewhere"\nnot_in = { processes = "no image of it" }')
    elsewhere = written(project / "elsewhere", incident=text).name
    ran = run(project, monkeypatch, after=["held"], before=["violated"])
    result = chaos("incident", elsewhere)
    assert (result.code, ran.calls, result.err) == (4, [], "error: nothing to run in processes\n")
    assert result.out == "elsewhere: not in processes: no image of it\n"
    result = chaos("incident", elsewhere, incident)
    assert (result.code, result.err, len(ran.calls)) == (0, "", 2)
    assert "elsewhere: not in processes: no image of it\n" in result.out
    assert "it: reproduced and fixed" in result.out


def test_a_file_that_is_wrong_stops_it_before_anything_runs(chaos: Invoke, project: Path) -> None:
    result = chaos("incident", "nowhere")
    assert (result.code, result.out) == (4, "")
    assert result.err == "error: there is no nowhere/incident.toml; an incident is a folder that has one\n"


def test_where_there_are_no_scenarios_it_says_where_they_are_looked_for(
    chaos: Invoke, project: Path, incident: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = run(project, monkeypatch)
    (project / "tests/scenarios").rmdir()
    monkeypatch.setattr("chaos.cli.incident.find_spec", lambda name: None)
    result = chaos("incident", incident)
    assert (result.code, ran.calls) == (4, [])
    assert result.err == (
        "error: no scenarios: tests/scenarios is no folder here; start this at the root of a working copy, or name the "
        "folder with --collect\n"
    )


def test_an_installed_copy_carries_its_own(
    chaos: Invoke, project: Path, incident: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "tests/scenarios").rmdir()
    carried = ModuleSpec("chaos.scenarios", None, is_package=True)
    assert carried.submodule_search_locations is not None
    carried.submodule_search_locations.append("tests/carried")
    monkeypatch.setattr("chaos.cli.incident.find_spec", lambda name: carried)
    ran = run(project, monkeypatch, after=["held"], before=["violated"])
    assert chaos("incident", incident).code == 0
    assert [ran.options(0), ran.options(1)] == [["tests/carried"], ["tests/carried/test_latency.py", VOUCHED]]
