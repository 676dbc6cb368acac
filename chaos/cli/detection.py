"""`python -m chaos detection`: how long dead peers were held, out of the journals of one run or of several."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from chaos.cli.options import RUN, add_state, colours, encodable, state_of
from chaos.errors import ConfigurationError
from chaos.report.detection import read_detections
from chaos.report.detection_text import as_record, detection_lines
from chaos.report.html import render_detections
from chaos.report.runs import open_run
from chaos.report.spans import ansi, plain

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "A run has ten deaths of a kind, so its 95th percentile is its worst. Several runs of one target and one\n"
        "contract make one distribution; runs of different targets or limits are refused.\n\n"
        "examples:\n"
        "  python -m chaos detection                              the newest run\n"
        "  python -m chaos detection 20250131-14 20250131-15      two runs as one\n"
        "  python -m chaos detection latest --html held.html      with the curves drawn\n"
    )
    parser.add_argument(
        "runs",
        metavar="RUN",
        nargs="*",
        default=["latest"],
        help=f"{RUN} (latest); several are taken together",
    )
    parser.add_argument("--json", action="store_true", help="every figure and every time, seconds")
    parser.add_argument("--html", type=Path, metavar="FILE", help="draw the curves into a page of their own")
    add_state(parser)


def run(options: argparse.Namespace) -> int:
    state = state_of(options)
    measured = read_detections([open_run(state, name) for name in options.runs])
    if not measured.curves and not measured.left_out:
        raise ConfigurationError(
            f"no dead peers were waited for in {', '.join(measured.runs)}; "
            "tests/scenarios/test_cleanup.py does, in runs of this release"
        )
    if options.html is not None:
        try:
            options.html.write_text(render_detections(measured), encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"cannot write --html {options.html}: {error.strerror}") from error
    if options.json:
        print(json.dumps(as_record(measured), indent=1))
        return 0
    lines = list(detection_lines(measured))
    sys.stdout.write(encodable(ansi(lines) if colours() else plain(lines)))
    return 0
