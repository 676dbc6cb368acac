"""`python -m chaos survey`: the matrix against several servers, one after the other, and one table of them all."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from chaos.errors import ChaosError, ConfigurationError
from chaos.report.cells import CellOutcome, CellRecord, read_cells
from chaos.report.runs import Run, open_run
from chaos.runtime.selection import RuntimeName
from chaos.target import Target
from chaos.target_file import load_target
from chaos.units import format_duration

__all__ = ["Surveyed", "add_arguments", "render", "run"]

EXIT_USAGE = 4
"""pytest's: a target file that cannot be used, or a run that died before it had a cell."""
COLUMNS = (CellOutcome.HELD, CellOutcome.VIOLATED, CellOutcome.INCONCLUSIVE, CellOutcome.SKIPPED)


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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", metavar="TARGET.toml", nargs="+", type=Path, help="a target file")
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
        help="where pytest looks for scenarios; may be repeated (default: where its own configuration says)",
    )
    parser.epilog = (
        "Ends with 0 where every promise of every server held, 1 where one did not, 4 where a server could not be\n"
        "judged, 130 after Ctrl-C, which also ends the run under way. Options after -- go to pytest; an installed\n"
        "copy takes `--collect chaos.scenarios ... -- --pyargs`."
    )


def run(options: argparse.Namespace) -> int:
    try:
        targets = [load_target(path) for path in options.targets]
    except ConfigurationError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    surveyed = []
    for number, target in enumerate(targets, start=1):
        print(f"[{number}/{len(targets)}] {target.name} ...", flush=True)
        began = time.monotonic()
        one = _survey(target, options)
        surveyed.append(one)
        took = format_duration(round(time.monotonic() - began))
        print(f"[{number}/{len(targets)}] {target.name}: {_counts(one)}, {took}", flush=True)
    print()
    print("\n".join(render(surveyed)))
    return max(one.code for one in surveyed)


def render(surveyed: Sequence[Surveyed]) -> Iterator[str]:
    """The table, then for each server a line for each cell that was not held."""
    wide = max(len("server"), *(len(one.target.name) for one in surveyed))
    about = max(len("what it is"), *(len(one.target.description) for one in surveyed))
    yield f"{'server':<{wide}}  {'what it is':<{about}}  " + "  ".join(f"{column.value:>12}" for column in COLUMNS)
    for one in surveyed:
        counts = "  ".join(f"{one.count(column):>12}" for column in COLUMNS)
        yield f"{one.target.name:<{wide}}  {one.target.description:<{about}}  {counts}"
    for one in surveyed:
        said = list(_sentences(one))
        if said:
            yield ""
            yield one.target.name
            yield from (f"  {sentence}" for sentence in said)


def _sentences(one: Surveyed) -> Iterator[str]:
    if not one.cells or one.exit_code not in (0, 1):
        yield f"its run ended with pytest's exit code {one.exit_code}, {_counts(one)}"
    for cell in one.cells:
        if cell.outcome.needs_a_word:
            under = f" under {cell.fault}" if cell.fault else ""
            worst = cell.worst
            seen = f"{worst.observed}; promised: {worst.promised}" if worst else cell.detail
            yield f"{cell.outcome.value}: {cell.scenario}{under}: {' '.join(seen.split())}"


def _counts(one: Surveyed) -> str:
    return ", ".join(f"{one.count(column)} {column.value}" for column in COLUMNS) if one.cells else "nothing was judged"


def _survey(target: Target, options: argparse.Namespace) -> Surveyed:
    known = _ids(options.state)
    code, said = _run_pytest([
        *options.collect, "-m", "chaos and not slow", "-q", "--no-header", "-p", "no:cacheprovider",
        f"--chaos-target={target.file}", f"--chaos-runtime={options.runtime}", f"--chaos-dir={options.state.resolve()}",
        *options.passed_on,
    ])  # fmt: skip
    made = [one for one in _runs(options.state, _ids(options.state) - known) if one.header.target == target.name]
    if code not in (0, 1) or not made:
        print("\n".join(said.splitlines()[-20:]), file=sys.stderr, flush=True)
    if not made:
        return Surveyed(target, (), exit_code=code)
    return Surveyed(target, tuple(read_cells(made[-1])), run=made[-1].id, exit_code=code)


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
