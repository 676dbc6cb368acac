"""`python -m chaos compare`: what a change has done, by a run before it and one after it."""

from __future__ import annotations

import argparse
import sys

from chaos.cli.options import RUN, add_state, colours, encodable, state_of
from chaos.cli.runs import ended_as
from chaos.errors import ConfigurationError
from chaos.report.cells import read_cells
from chaos.report.comparison import compare
from chaos.report.comparison_text import comparison_lines
from chaos.report.runs import open_run
from chaos.report.spans import ansi, plain

__all__ = ["add_arguments", "run"]

EXIT_WORSE = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "Exit code 1 where a cell is worse than before: it held and is violated or inconclusive now, or was\n"
        "inconclusive and is violated. What moved without breaking its promise is told, and judged by nobody.\n\n"
        "examples:\n"
        "  python -m chaos compare 20250131-14               that run with the newest\n"
        "  python -m chaos compare 20250131-14 20250131-15   two runs, the earlier first\n"
    )
    parser.add_argument("before", metavar="BEFORE", help=RUN)
    parser.add_argument("after", metavar="AFTER", nargs="?", default="latest", help=f"{RUN} (latest)")
    parser.add_argument("-v", "--verbose", action="store_true", help="name each cell that only one of them judged")
    add_state(parser)


def run(options: argparse.Namespace) -> int:
    state = state_of(options)
    before, after = open_run(state, options.before), open_run(state, options.after)
    for one in (before, after):
        if not one.cells():
            raise ConfigurationError(
                f"run {one.id} has no cells ({ended_as(one)}), so there is nothing to compare; `python -m chaos runs` "
                "lists those that have"
            )
    found = compare(read_cells(before), read_cells(after))
    lines = list(comparison_lines(found, before=before, after=after, verbose=options.verbose))
    sys.stdout.write(encodable(ansi(lines) if colours() else plain(lines)))
    return EXIT_WORSE if found.worse else 0
