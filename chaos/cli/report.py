"""`python -m chaos report`: the matrix of a run, made again from its journals."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from chaos.cli.options import add_run, add_state, colours, encodable, state_of
from chaos.report.cells import read_cells
from chaos.report.figures import write_figures
from chaos.report.html import write_html
from chaos.report.matrix import build_matrix
from chaos.report.proven import proven_for
from chaos.report.runs import open_run
from chaos.report.spans import ansi, plain
from chaos.report.terminal import render_terminal, signs_for

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "examples:\n"
        "  python -m chaos report                     the newest run\n"
        "  python -m chaos report 20250131-1425       the run whose id begins so\n"
    )
    add_run(parser, optional=True)
    add_state(parser)


def run(options: argparse.Namespace) -> int:
    one = open_run(state_of(options), options.run)
    lines = render_terminal(
        build_matrix(read_cells(one), proven=proven_for(one)), run=one, signs=signs_for(sys.stdout.encoding)
    )
    sys.stdout.write(encodable(ansi(lines) if colours() else plain(lines)))
    write_figures(one)
    print(f"\n{_shown(write_html(one))}")
    return 0


def _shown(path: Path) -> str:
    """As short as can be from here."""
    relative = os.path.relpath(path)
    return relative if len(relative) < len(str(path)) else str(path)
