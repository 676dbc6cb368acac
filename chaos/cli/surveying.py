"""The matrix against one server in a pytest of its own, for commands that do so with several."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from chaos.errors import ChaosError
from chaos.report.cells import CellOutcome, CellRecord, read_cells
from chaos.report.runs import Run, open_run
from chaos.runtime.selection import RuntimeName
from chaos.target import Target

__all__ = ["EXIT_USAGE", "Surveyed", "add_ways", "survey"]

EXIT_USAGE = 4
"""pytest's: a target file that cannot be used, or a run that died before it had a cell."""


@dataclass(frozen=True, slots=True)
class Surveyed:
    """One server and how its cells ended; no cells where its run died."""

    target: Target
    cells: tuple[CellRecord, ...]
    run: str = ""
    """The id of its run."""
    exit_code: int = 0
    """pytest's."""

    def count(self, outcome: CellOutcome) -> int:
        return sum(cell.outcome is outcome for cell in self.cells)

    @property
    def code(self) -> int:
        """0 where all held, 1 where something did not, 4 where nothing could be judged."""
        if not self.cells or self.exit_code not in (0, 1):
            return EXIT_USAGE
        return max(self.exit_code, int(any(cell.outcome.needs_a_word for cell in self.cells)))


def add_ways(parser: argparse.ArgumentParser, *, collected: str = "where its own configuration says") -> None:
    """`--runtime`, `--state` and `--collect`; `collected` says in words where scenarios come from without the last."""
    parser.add_argument(
        "--runtime",
        choices=get_args(RuntimeName),
        default="processes",
        help="as pytest's --chaos-runtime (%(default)s)",
    )
    parser.add_argument("--state", type=Path, default=Path(".chaos"), help="where runs are kept (%(default)s)")
    parser.add_argument(
        "--collect",
        action="append",
        default=[],
        metavar="PATH",
        help=f"where pytest looks for scenarios; may be repeated (default: {collected})",
    )


def survey(
    target: Target, *, runtime: str, state: Path, collect: Sequence[str], passed_on: Sequence[str] = ()
) -> Surveyed:
    """Run the scenarios that are collected against a server, in a pytest of its own; what it said is on stderr where
    it ended in no ordinary way, or nothing was judged: a server that did not start is told of by it alone."""
    known = _ids(state)
    code, said = _run_pytest([
        *collect, "-q", "--no-header", "-p", "no:cacheprovider", f"--chaos-target={target.file}",
        f"--chaos-runtime={runtime}", f"--chaos-dir={state.resolve()}", *passed_on,
    ])  # fmt: skip
    made = [one for one in _runs(state, _ids(state) - known) if one.header.target == target.name]
    cells = tuple(read_cells(made[-1])) if made else ()
    if code not in (0, 1) or not cells:
        print("\n".join(said.splitlines()[-20:]), file=sys.stderr, flush=True)
    return Surveyed(target, cells, run=made[-1].id if made else "", exit_code=code)


def _ids(state: Path) -> set[str]:
    return {path.parent.name for path in (state / "runs").glob("*/run.json")}


def _runs(state: Path, ids: Iterable[str]) -> list[Run]:
    """These runs, oldest first; one whose header cannot be read is named on stderr and left out."""
    runs = []
    for one in ids:
        try:
            runs.append(open_run(state, one))
        except ChaosError as error:
            print(f"warning: a run is left out: {error}", file=sys.stderr, flush=True)
    return sorted(runs, key=lambda run: (run.header.started, run.id))


def _run_pytest(arguments: Sequence[str]) -> tuple[int, str]:
    """Its exit code and what it said. In a session of its own: Ctrl-C reaches it once, from here."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        said, _ = process.communicate()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        process.communicate()
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
    return process.returncode, said
