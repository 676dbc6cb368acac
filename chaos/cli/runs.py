"""`python -m chaos runs`: the runs that were recorded, the newest last."""

from __future__ import annotations

import argparse
import json
import sys
import time

from chaos.cli.options import add_state, colours, encodable, state_of
from chaos.report.cells import CellOutcome, read_cells
from chaos.report.matrix import build_matrix
from chaos.report.runs import Run, list_runs
from chaos.report.spans import ansi, plain
from chaos.report.tables import table_lines
from chaos.units import format_duration

__all__ = ["add_arguments", "ended_as", "run"]

DEFAULT_COUNT = 20
HEADER = ("run", "started", "target", "runtime", "seed", "took", "cells")
INTERRUPTED = 2
"""pytest's exit code after Ctrl-C."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_state(parser)
    parser.add_argument(
        "-n", "--count", type=int, default=DEFAULT_COUNT, help="how many, the newest (%(default)s); 0 for all"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run(options: argparse.Namespace) -> int:
    found = list_runs(state_of(options))
    chosen = found[-options.count :] if options.count > 0 else found
    if options.json:
        for one in chosen:
            print(_as_json(one))
    elif chosen:
        lines = table_lines(HEADER, [_row(one) for one in chosen], words=len(HEADER))
        sys.stdout.write(encodable(ansi(lines) if colours() else plain(lines)))
    else:
        print("no run has been recorded; `pytest -m chaos` records one")
    return 0


def ended_as(one: Run) -> str:
    """What a run without cells was, in words."""
    header = one.header
    if "--chaos-dry=plan" in header.options:
        return "a plan"
    if header.exit_code is None:
        return "not ended: it runs, or was killed"
    return {0: "nothing was run", INTERRUPTED: "interrupted"}.get(header.exit_code, "did not start")


def _counts(one: Run) -> dict[CellOutcome, int]:
    return {outcome: count for outcome, count in build_matrix(read_cells(one)).counts().items() if count}


def _row(one: Run) -> tuple[str, ...]:
    header = one.header
    took = format_duration(round(header.seconds, 1)) if header.seconds is not None else "unended"
    counts = ", ".join(f"{count} {outcome.value}" for outcome, count in reversed(_counts(one).items()))
    told = f"{counts or f'no cells: {ended_as(one)}'}" + (f"; replay of {header.replay_of}" if header.replay_of else "")
    started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(header.started))
    return (one.id, started, header.target, header.runtime, str(header.seed), took, told)


def _as_json(one: Run) -> str:
    header = one.header
    record = {
        "id": one.id,
        "target": header.target,
        "runtime": header.runtime,
        "seed": header.seed,
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(header.started)),
        "seconds": header.seconds,
        "exit_code": header.exit_code,
        "counts": {outcome.value: count for outcome, count in _counts(one).items()},
        "replay_of": header.replay_of or None,
    }
    return json.dumps(record, ensure_ascii=False)
