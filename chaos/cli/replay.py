"""`python -m chaos replay`: one cell again, with what made it what it was."""

from __future__ import annotations

import argparse
import os
import shlex
import sys

from chaos.cli.options import add_run, add_state, state_of
from chaos.report.replay import replay_arguments
from chaos.report.runs import open_run

__all__ = ["add_arguments", "run"]

PASSES_ON = True
"""What stands after `--` goes to pytest."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "The command is printed, then run in the directory that holds .chaos; the exit code is pytest's. What\n"
        "stands after `--` is handed on to pytest.\n\n"
        "examples:\n"
        "  python -m chaos replay latest cleanup-dead_peers_are_released-vanished\n"
        "  python -m chaos replay 20250131-1425 latency-round_trips-calm -- --log-cli-level=debug\n"
    )
    add_run(parser, optional=False)
    parser.add_argument("cells", metavar="CELL", nargs="+", help="a cell's name as the report prints it")
    parser.add_argument("--dry-run", action="store_true", help="print the command and do nothing")
    add_state(parser)


def run(options: argparse.Namespace) -> int:
    state = state_of(options)
    one = open_run(state, options.run)
    arguments = [*replay_arguments(one, options.cells), *options.passed_on]
    print(f"python -m pytest {shlex.join(arguments)}")
    if not options.dry_run:
        sys.stdout.flush()
        os.chdir(state.parent)
        # pytest takes this process over: its exit code, and every signal, are its own
        os.execv(sys.executable, [sys.executable, "-m", "pytest", *arguments])  # noqa: S606 - no shell is wanted
    return 0
