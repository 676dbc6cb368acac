"""Reading what a run recorded: run directories, the matrix, and its renderings for terminal, JUnit and browser.

Everything here works on journals alone. A report can therefore be made again at any time, from a run that was killed,
or on another machine than the one that ran it.
"""

from __future__ import annotations

from chaos.report.cells import CellOutcome, CellRecord, read_cells
from chaos.report.html import write_html
from chaos.report.matrix import Matrix, build_matrix
from chaos.report.replay import replay_arguments, replay_command
from chaos.report.runs import CellTitle, Run, RunHeader, create_run, find_state, list_runs, open_run

__all__ = [
    "CellOutcome",
    "CellRecord",
    "CellTitle",
    "Matrix",
    "Run",
    "RunHeader",
    "build_matrix",
    "create_run",
    "find_state",
    "list_runs",
    "open_run",
    "read_cells",
    "replay_arguments",
    "replay_command",
    "write_html",
]
