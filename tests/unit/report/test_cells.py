"""Cells as their journals tell them, also journals that were cut off or broken."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

from chaos.journal import FindingMade, Injected, JournalWriter, Note, VerdictGiven
from chaos.report import CellOutcome, CellTitle, Run, read_cells
from chaos.report.cells import first_fault, from_verdict, read_cell

from .samples import CELLS, Cell, make_run, write_cell

CLOCKS = 0.01
"""Seconds that monotonic time and the date may drift apart in a test, and be read apart."""

NODE = "tests/scenarios/test_cleanup.py::test_dead_peers_are_found[reset]"
HELD = Cell(promise="cleanup", scenario="dead peers are found", fault="reset", family="network", figure="41ms")


def only(run: Run) -> Path:
    (directory,) = run.cells()
    return directory


def verdict(outcome: str = "held", detail: str = "") -> VerdictGiven:
    return VerdictGiven(at=1.0, outcome=outcome, promise="p", scenario="s", fault="f", node="n", detail=detail)


def test_every_sample_is_read_as_it_was_written(sample_run: Run) -> None:
    cells = read_cells(sample_run)
    assert [(cell.promise, cell.scenario, cell.fault, cell.outcome.value, cell.figure) for cell in cells] == [
        (cell.promise, cell.scenario, cell.fault, cell.outcome, cell.figure) for cell in CELLS
    ]
    assert [cell.node for cell in cells] == [cell.node for cell in CELLS]


def test_the_finding_that_decided_is_the_worst(sample_run: Run) -> None:
    violated = next(cell for cell in read_cells(sample_run) if cell.outcome is CellOutcome.VIOLATED)
    assert [finding.verdict for finding in violated.findings] == ["violated", "held"]
    assert violated.worst is violated.findings[0]


def test_findings_are_shown_worst_first() -> None:
    made = [
        FindingMade(at=1.0, expectation=name, verdict=verdict_, observed="", promised="")
        for name, verdict_ in (
            ("a", "held"),
            ("b", "inconclusive"),
            ("c", "violated"),
            ("d", "held"),
            ("e", "violated"),
        )
    ]
    cell = from_verdict(verdict("violated"), made)
    assert [finding.expectation for finding in cell.worst_first] == ["c", "e", "b", "a", "d"]


def test_a_cell_whose_processes_were_killed_is_inconclusive_and_keeps_what_is_known(state: Path) -> None:
    run = make_run(state, cells=())
    directory = run.new_cell(NODE)
    script = """
        import os, signal, sys
        from pathlib import Path
        from chaos.journal import Beat, Injected, JournalWriter
        journal = JournalWriter(Path(sys.argv[1]), role="conductor", run="r", cell="c")
        journal.write(Injected(at=2.0, fault="reset", description="a true RST"))
        os.write(journal._fd, b'{"kind":"Beat","at":3.0,"ok":tr')
        os.kill(os.getpid(), signal.SIGKILL)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(directory)]
    assert subprocess.run(command, check=False, timeout=30).returncode == -signal.SIGKILL
    cell = read_cell(run, directory)
    assert cell.outcome is CellOutcome.INCONCLUSIVE
    assert cell.detail == "the run was interrupted before this cell had a verdict"
    assert (cell.promise, cell.scenario, cell.fault) == ("cleanup", "dead peers are found", "reset")
    assert cell.node == NODE


def test_a_cell_that_never_wrote_is_inconclusive(state: Path) -> None:
    run = make_run(state, cells=())
    run.new_cell(NODE)
    cell = read_cell(run, only(run))
    assert cell.outcome is CellOutcome.INCONCLUSIVE
    assert cell.detail.endswith("it holds no .ndjson segment")
    assert (cell.promise, cell.scenario, cell.fault) == ("cleanup", "dead peers are found", "reset")


def test_a_cell_without_a_verdict_goes_by_the_name_its_scenario_has(state: Path) -> None:
    """Else it would stand in a row of its own beside its scenario."""
    run = make_run(state, cells=())
    title = CellTitle(promise="cleanup", scenario="dead peers are released", fault="reset", expects="They are.")
    directory = run.new_cell(NODE, title)
    cell = read_cell(run, directory)
    assert CellTitle(promise=cell.promise, scenario=cell.scenario, fault=cell.fault, expects=cell.expects) == title


def test_a_title_of_another_release_is_passed_over(state: Path) -> None:
    run = make_run(state, cells=())
    directory = run.new_cell(NODE)
    (directory / "cell.json").write_text(json.dumps({"node": NODE, "title": {"promise": "cleanup", "mood": "calm"}}))
    assert read_cell(run, directory).scenario == "dead peers are found"


def test_how_long_it_took_to_the_first_fault(state: Path) -> None:
    """From the start of the process, whichever cell had the first and whichever was written first."""
    launched = time.time() - 7.0
    run = replace(make_run(state, cells=()), header=replace(make_run(state, cells=()).header, launched=launched))
    for name, after in (("b", 3.0), ("a", 1.5)):
        with JournalWriter(run.new_cell(f"test_x.py::test_{name}"), role="conductor", run=run.id, cell=name) as journal:
            journal.write(Injected(at=time.monotonic() + after, fault="reset", description="a true RST"))
    run.new_cell("test_x.py::test_that_never_wrote")
    found = first_fault(run)
    assert found is not None
    # 1.5 s after it was written, and it was written between 7 s after the launch and now.
    assert 8.5 - CLOCKS <= found <= time.time() - launched + 1.5 + CLOCKS
    assert first_fault(replace(run, header=replace(run.header, launched=None))) is None


def test_a_broken_verdict_is_inconclusive_and_says_where(state: Path) -> None:
    run = make_run(state, cells=())
    directory = write_cell(run, HELD)
    (segment,) = directory.glob("pytest-*.ndjson")
    segment.write_text(segment.read_text() + '{"kind":"VerdictGiven","at":"now"}\n')
    cell = read_cell(run, directory)
    assert cell.outcome is CellOutcome.INCONCLUSIVE
    assert cell.detail.startswith(f"{segment.name}, line ")


def test_the_findings_of_an_interrupted_cell_are_kept(state: Path) -> None:
    run = make_run(state, cells=())
    directory = run.new_cell(NODE)
    with JournalWriter(directory, role="pytest", run=run.id, cell=directory.name) as journal:
        journal.write(Injected(at=1.0, fault="reset", description=""))
        journal.write(FindingMade(at=2.0, expectation="e", verdict="violated", observed="o", promised="p"))
        journal.write(Note(at=3.0, text="then it was killed"))
    cell = read_cell(run, directory)
    assert cell.outcome is CellOutcome.INCONCLUSIVE, "an interrupted cell has no verdict, whatever it had found"
    assert [finding.observed for finding in cell.findings] == ["o"]


def test_the_last_verdict_counts(state: Path) -> None:
    run = make_run(state, cells=())
    directory = run.new_cell(NODE)
    with JournalWriter(directory, role="pytest", run=run.id, cell=directory.name) as journal:
        journal.write(verdict("held"))
        journal.write(verdict("violated"))
    assert read_cell(run, directory).outcome is CellOutcome.VIOLATED


def test_an_outcome_of_a_later_release_is_inconclusive() -> None:
    cell = from_verdict(verdict("splendid", "all is well"))
    assert cell.outcome is CellOutcome.INCONCLUSIVE
    assert cell.detail == "unknown outcome 'splendid'; all is well"


def test_only_what_fails_the_run_needs_a_word() -> None:
    assert [outcome for outcome in CellOutcome if outcome.needs_a_word] == [
        CellOutcome.INCONCLUSIVE,
        CellOutcome.VIOLATED,
    ]
