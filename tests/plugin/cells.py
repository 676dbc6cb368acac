"""One cell of the scenarios against a small server."""

from __future__ import annotations

from pathlib import Path

from chaos.report.cells import CellRecord, read_cells
from chaos.report.runs import open_run
from tests.running import run_scenarios

__all__ = ["cell_of", "told"]


def cell_of(node: str, target: Path, directory: Path) -> CellRecord:
    """What became of one cell, by its name below tests/scenarios, against a target; its run is kept in `directory`."""
    ended = run_scenarios([node], runtime="processes", directory=directory, options=[f"--chaos-target={target}"])
    assert ended.returncode in (0, 1), ended.stdout
    cells = read_cells(open_run(directory))
    assert len(cells) == 1, ended.stdout
    return cells[0]


def told(cell: CellRecord) -> str:
    """What decided a cell, for the message of an assertion."""
    worst = cell.worst
    return cell.detail if worst is None else f"{worst.expectation}: {worst.observed}; promised: {worst.promised}"
