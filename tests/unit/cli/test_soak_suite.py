"""`python -m chaos soak-suite`: what is run, and where its figures are filed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from chaos.cli import soak_suite

from .conftest import Invoke

Pytest = Callable[[Sequence[str]], int]


@pytest.fixture(autouse=True)
def usable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a container engine."""
    monkeypatch.setattr(soak_suite, "usable_runtimes", lambda: {"containers": "no engine", "processes": None})


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Callable[[Pytest], list[list[str]]]:
    """Have something else run in place of pytest; what it was called with."""

    def replace(by: Pytest) -> list[list[str]]:
        calls: list[list[str]] = []

        def run(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
            calls.append(list(arguments))
            return subprocess.CompletedProcess((), by(arguments), stdout="what it said\n", stderr="and why\n")

        monkeypatch.setattr(soak_suite, "_run_pytest", run)
        return calls

    return replace


def git(*arguments: str) -> None:
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    subprocess.run(["git", *who, *arguments], check=True, capture_output=True)


def tallies(state: Path) -> dict[str, int]:
    return {path.name: json.loads(path.read_text())["runs"] for path in (state / "soak").glob("*.json")}


def test_a_red_run_is_filed_under_its_own_id(chaos: Invoke, project: Path, runs: Callable[[Pytest], object]) -> None:
    def red(_: Sequence[str]) -> int:
        (project / ".chaos/runs/20250131-142501-9f3a1c").mkdir()
        return 1

    (project / ".chaos/runs/20250101-000000-000000").mkdir(parents=True)
    runs(red)
    result = chaos("soak-suite", "--runs=1")
    assert result.code == 1
    assert result.out.endswith("    red: python -m chaos report 20250131-142501-9f3a1c\n")


def test_a_run_that_dies_before_it_has_an_id_is_not_filed_under_the_one_before(
    chaos: Invoke, project: Path, runs: Callable[[Pytest], object]
) -> None:
    before = project / ".chaos/runs/20250101-000000-000000"
    before.mkdir(parents=True)
    (project / ".chaos/latest").symlink_to(before)
    runs(lambda _: 4)
    result = chaos("soak-suite", "--runs=1")
    assert result.out.endswith("    red: .chaos/soak/no-commit-processes-1.log\n")
    assert (project / ".chaos/soak/no-commit-processes-1.log").read_text() == "what it said\nand why\n"


def test_a_pytest_that_really_dies_early(chaos: Invoke, project: Path) -> None:
    result = chaos("soak-suite", "--runs=1", "--collect=nowhere", "--", "--no-such-option")
    assert result.code == 1
    (said,) = (project / ".chaos/soak").glob("*.log")
    assert "unrecognized arguments: " in said.read_text()
    assert "--no-such-option" in said.read_text()


def test_only_what_is_asked_for_is_collected(chaos: Invoke, runs: Callable[[Pytest], list[list[str]]]) -> None:
    calls = runs(lambda _: 0)
    assert chaos("soak-suite", "--runs=2", "--collect=tests/scenarios", "--", "--chaos-lanes=1").code == 0
    assert [call[:3] for call in calls] == [["tests/scenarios", "-m", "chaos and not slow"]] * 2
    assert calls[0][-4:] == ["--chaos-runtime=processes", "--chaos-dir=.chaos", "--chaos-require=1", "--chaos-lanes=1"]


def test_each_state_of_the_tree_has_its_own_tally(
    chaos: Invoke, project: Path, runs: Callable[[Pytest], object]
) -> None:
    state = project.parent / f"{project.name}-state"
    soak = ("soak-suite", "--runs=1", f"--state={state}")
    runs(lambda _: 0)
    git("init", "--quiet")
    (project / "server.py").write_text("one")
    git("add", ".")
    git("commit", "--quiet", "--message=one")
    for text in ("one", "two", "three", "two"):
        (project / "server.py").write_text(text)
        chaos(*soak)
    (project / "new.py").write_text("four")
    chaos(*soak)
    (project / "new.py").write_text("five")
    chaos(*soak)
    chaos(*soak, "--", "-k=latency")
    found = tallies(state)
    assert sorted(found.values()) == [1] * 6
    assert sum("-changed-" in name for name in found) == 5
    assert sum("-asked-" in name for name in found) == 1


def test_each_selection_has_its_own_tally(chaos: Invoke, project: Path, runs: Callable[[Pytest], object]) -> None:
    runs(lambda _: 0)
    for asked in ((), ("--collect=one",), ("--collect=two",), ("--collect=one", "--", "-k=latency"), ("--", "one")):
        chaos("soak-suite", "--runs=1", *asked)
    assert sorted(tallies(project / ".chaos").values()) == [1] * 5


def test_runs_of_one_state_add_up(chaos: Invoke, project: Path, runs: Callable[[Pytest], list[list[str]]]) -> None:
    calls = runs(lambda _: 0)
    for count in (1, 3, 3):
        chaos("soak-suite", f"--runs={count}")
    assert len(calls) == 3
    assert tallies(project / ".chaos") == {"no-commit-processes.json": 3}
