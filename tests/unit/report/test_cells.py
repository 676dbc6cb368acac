"""Cells as their journals tell them, also journals that were cut off or broken."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

from chaos.journal import FindingMade, Injected, JournalWriter, Note, VerdictGiven
from chaos.report import CellOutcome, Run, read_cells
from chaos.report.cells import from_verdict, read_cell

from .samples import CELLS, Cell, make_run, write_cell

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
