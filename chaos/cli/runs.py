"""`python -m chaos runs`: the runs that were recorded, the newest last."""

from __future__ import annotations

import argparse
import json
import time

from chaos.cli.options import add_state, state_of
from chaos.report.cells import CellOutcome, read_cells
from chaos.report.matrix import build_matrix
from chaos.report.runs import Run, list_runs
from chaos.units import format_duration

__all__ = ["add_arguments", "run"]

DEFAULT_COUNT = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_state(parser)
    parser.add_argument(
        "-n", "--count", type=int, default=DEFAULT_COUNT, help="how many, the newest (%(default)s); 0 for all"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run(options: argparse.Namespace) -> int:
    found = list_runs(state_of(options))
    for one in found[-options.count :] if options.count > 0 else found:
        print(_as_json(one) if options.json else _as_line(one))
    return 0


def _counts(one: Run) -> dict[CellOutcome, int]:
    return {outcome: count for outcome, count in build_matrix(read_cells(one)).counts().items() if count}


def _as_line(one: Run) -> str:
    header = one.header
    took = format_duration(round(header.seconds, 1)) if header.seconds is not None else "unended"
    counts = ", ".join(f"{count} {outcome.value}" for outcome, count in reversed(_counts(one).items()))
    return f"{one.id}  {header.target}  {header.runtime}  seed {header.seed}  {took}  {counts or 'no cells'}"


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
    }
    return json.dumps(record, ensure_ascii=False)
