"""`python -m chaos survey`: the matrix against several servers, one after the other, and one table of them all."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from chaos.cli.options import encodable
from chaos.cli.surveying import EXIT_USAGE, Surveyed, add_ways, survey
from chaos.errors import ConfigurationError
from chaos.report.cells import CellOutcome
from chaos.report.side_by_side import side_by_side
from chaos.report.terminal import signs_for
from chaos.target_file import load_target
from chaos.units import format_duration

__all__ = ["add_arguments", "render", "run"]

PASSES_ON = True
"""What stands after `--` goes to pytest."""

COLUMNS = (CellOutcome.HELD, CellOutcome.VIOLATED, CellOutcome.INCONCLUSIVE, CellOutcome.SKIPPED)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", metavar="TARGET.toml", nargs="+", type=Path, help="a target file")
    parser.add_argument(
        "--figures", action="store_true", help="say what every cell measured on every server, side by side"
    )
    add_ways(parser)
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
        one = survey(
            target,
            runtime=options.runtime,
            state=options.state,
            collect=options.collect,
            passed_on=["-m", "chaos and not slow", *options.passed_on],
        )
        surveyed.append(one)
        took = format_duration(round(time.monotonic() - began))
        print(f"[{number}/{len(targets)}] {target.name}: {_counts(one)}, {took}", flush=True)
    print()
    print("\n".join(render(surveyed)))
    if options.figures:
        cells = {one.target.name: one.cells for one in surveyed}
        print(encodable("\n".join(["", *side_by_side(cells, signs=signs_for(sys.stdout.encoding))])))
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
