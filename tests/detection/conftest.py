"""How much of detection runs, where its results are kept, and the table at its end.

The options are there where this directory is named to pytest, as `make detection` does; elsewhere their defaults hold.
Under pytest-xdist the workers run the defects and their reports carry what they saw; the controller writes it down.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.detection.cases import CASES
from tests.detection.forms import Form, parse_shard, shard_of
from tests.detection.observed import Observation, by_name
from tests.detection.table import render_table
from tests.detection.turns import Turns
from tests.running import RUNTIME_NAMES

PROPERTY = "observation"
"""The name under which a test's report carries what was seen, as JSON."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("detection", "defects of the reference server")
    group.addoption(
        "--detection-form",
        choices=[form.value for form in Form],
        default=Form.NARROW.value,
        help="narrow: the cell that catches a defect and its sentinels; wide: its whole promise and a cell of each "
        "other; cross: every cell (wide and cross in the processes runtime, narrow in others)",
    )
    group.addoption("--detection-shard", metavar="N/OF", help="only every OFth defect, beginning with the Nth")
    group.addoption("--detection-runtime", choices=RUNTIME_NAMES, help="only in this runtime (default: in every one)")
    group.addoption("--detection-results", metavar="FILE", help="write what was seen there, a line for each defect")


@pytest.fixture
def form(request: pytest.FixtureRequest) -> Form:
    return Form(request.config.getoption("--detection-form", Form.NARROW.value))


@pytest.fixture
def turns(tmp_path_factory: pytest.TempPathFactory) -> Turns:
    """Shared by all processes of the run: each has a base directory of its own, below one for them all."""
    base = tmp_path_factory.getbasetemp()
    return Turns(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)


def pytest_configure(config: pytest.Config) -> None:
    results = config.getoption("--detection-results", None)
    if results and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Results(Path(results)), "detection-results")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the other shards' defects and the other runtimes, and give each the time that its form takes."""
    form = Form(config.getoption("--detection-form", Form.NARROW.value))
    text = config.getoption("--detection-shard", None)
    try:
        mine = None if text is None else set(shard_of([case.defect for case in CASES], parse_shard(text)))
    except ValueError as error:
        raise pytest.UsageError(f"--detection-shard: {error}") from error
    runtime = config.getoption("--detection-runtime", None)
    others = []
    for item in items:
        params = getattr(getattr(item, "callspec", None), "params", {})
        if "case" not in params or "form" not in getattr(item, "fixturenames", ()):
            continue
        # Once beside others, and once alone after the longest of those.
        longest = form.limit + max(case.takes for case in CASES)
        item.add_marker(pytest.mark.timeout(2 * (form.limit + params["case"].takes) + longest + 30), append=False)
        elsewhere = runtime is not None and params["runtime"] != runtime
        if elsewhere or (mine is not None and params["case"].defect not in mine):
            others.append(item)
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]


class Results:
    """Writes down what each test saw as soon as it is reported, so that a run that is killed keeps the rest."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.observations: list[Observation] = []
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("", encoding="utf-8")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call":
            return
        lines = [str(value) for name, value in report.user_properties if name == PROPERTY]
        with self.file.open("a", encoding="utf-8") as results:
            results.writelines(f"{line}\n" for line in lines)
        self.observations += map(Observation.from_json, lines)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.observations:
            return
        terminalreporter.section("defects x cells")
        ordered: Iterable[Observation] = sorted(self.observations, key=lambda each: (each.defect, each.runtime))
        for line in render_table(tuple(ordered), by_name(CASES)):
            terminalreporter.write_line(line, red="WRONG" in line or "FALSE ALARM" in line or "COMPLAINT" in line)
        terminalreporter.write_line(f"kept in {self.file}")
