"""`python -m chaos survey`: several servers, one table, and what it ends with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from chaos.cli import surveying
from chaos.journal import FindingMade, JournalWriter, VerdictGiven
from chaos.report.runs import create_run

from .conftest import Invoke

Pytest = Callable[[Sequence[str]], tuple[int, str]]


def target(directory: Path, name: str) -> str:
    path = directory / f"{name}.toml"
    path.write_text(
        f'name = "{name}"\ndescription = "{name} 1.0, Go"\n[start]\ncommand = ["x"]\n[endpoints.echo]\npath = "/"\n'
    )
    return path.name


def pytest_that_judges(project: Path, verdicts: dict[str, str], *, code: int = 0, figure: str = "") -> Pytest:
    """Records one cell for the target it is called with; ends with 1 where that was not held."""

    def judge(arguments: Sequence[str]) -> tuple[int, str]:
        (file,) = (a.partition("=")[2] for a in arguments if a.startswith("--chaos-target="))
        name = Path(file).stem
        outcome = verdicts[name]
        made = create_run(
            project / ".chaos",
            target=name,
            target_file=file,
            runtime="processes",
            runtime_reason="asked for",
            seed=1,
            versions={},
        )
        cell = made.new_cell("test_it.py::test_it")
        with JournalWriter(cell, role="conductor", run=made.id, cell=cell.name) as journal:
            journal.write(
                FindingMade(
                    at=1.0, expectation="x", verdict=outcome, observed="3 sockets\nare left", promised="none", figure=""
                )
            )
            journal.write(
                VerdictGiven(
                    at=2.0,
                    node="test_it.py::test_it",
                    promise="cleanup",
                    scenario="dead peers are released",
                    fault="vanished",
                    outcome=outcome,
                    figure=figure,
                )
            )
        return code or int(outcome != "held"), ""

    return judge


def test_the_table_and_the_sentences(chaos: Invoke, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surveying, "_run_pytest", pytest_that_judges(project, {"good": "held", "bad": "violated"}))
    result = chaos("survey", target(project, "good"), target(project, "bad"))
    assert result.code == 1
    assert result.out.partition("\n\n")[2] == (
        "server  what it is            held      violated  inconclusive       skipped\n"
        "good    good 1.0, Go             1             0             0             0\n"
        "bad     bad 1.0, Go              0             1             0             0\n"
        "\n"
        "bad\n"
        "  violated: dead peers are released under vanished: 3 sockets are left; promised: none\n"
    )


def test_the_figures_side_by_side(chaos: Invoke, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = pytest_that_judges(project, {"good": "held", "bad": "violated"}, figure="85 of 100")
    monkeypatch.setattr(surveying, "_run_pytest", judge)
    result = chaos("survey", "--figures", target(project, "good"), target(project, "bad"))
    assert result.out.splitlines()[-2:] == [
        "                                                 good         bad",
        "cleanup, dead peers are released under vanished  ✓ 85 of 100  ✗ 85 of 100",
    ]


def test_all_held(chaos: Invoke, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surveying, "_run_pytest", pytest_that_judges(project, {"good": "held"}))
    assert chaos("survey", target(project, "good")).code == 0


def test_a_run_that_died_is_never_green(chaos: Invoke, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surveying, "_run_pytest", lambda _: (3, "INTERNALERROR"))
    result = chaos("survey", target(project, "good"))
    assert result.code == 4
    assert "good\n  its run ended with pytest's exit code 3, nothing was judged\n" in result.out
    assert result.err == "INTERNALERROR\n"


def test_why_a_run_judged_nothing_is_told(chaos: Invoke, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_start(arguments: Sequence[str]) -> tuple[int, str]:
        create_run(
            project / ".chaos",
            target="good",
            target_file="good.toml",
            runtime="processes",
            runtime_reason="asked for",
            seed=1,
            versions={},
        )
        return 1, "ERROR: nothing was tested: good is not healthy 20s after its start"

    monkeypatch.setattr(surveying, "_run_pytest", no_start)
    result = chaos("survey", target(project, "good"))
    assert result.code == 4
    assert result.err == "ERROR: nothing was tested: good is not healthy 20s after its start\n"


def test_green_cells_of_a_run_that_died_later_are_not_green(
    chaos: Invoke, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surveying, "_run_pytest", pytest_that_judges(project, {"good": "held"}, code=3))
    assert chaos("survey", target(project, "good")).code == 4


def test_a_header_that_cannot_be_read_is_named_and_the_others_are_judged(
    chaos: Invoke, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = pytest_that_judges(project, {"good": "held"})

    def beside_a_broken_one(arguments: Sequence[str]) -> tuple[int, str]:
        broken = project / ".chaos/runs/20250131-000000-broken"
        broken.mkdir(parents=True)
        (broken / "run.json").write_text("[]")
        return judge(arguments)

    monkeypatch.setattr(surveying, "_run_pytest", beside_a_broken_one)
    result = chaos("survey", target(project, "good"))
    assert result.code == 0
    assert result.err == (
        "warning: a run is left out: 20250131-000000-broken/run.json is not the header of a run: "
        "'list' object has no attribute 'items'\n"
    )


def test_a_target_that_is_not_there_stops_it_before_anything_runs(chaos: Invoke, project: Path) -> None:
    result = chaos("survey", target(project, "good"), "other/none.toml")
    assert (result.code, result.out) == (4, "")
    assert result.err.startswith("error: there is no target file other/none.toml")
