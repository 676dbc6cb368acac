"""Options that several subcommands share."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from chaos.errors import ConfigurationError
from chaos.report.runs import find_state

__all__ = ["RUN", "add_run", "add_state", "colours", "encodable", "state_of"]


RUN = "`latest`, a run's id, or the beginning of one"
"""What names a run."""


def add_state(parser: argparse.ArgumentParser) -> None:
    """`--state DIRECTORY`."""
    parser.add_argument(
        "--state",
        type=Path,
        metavar="DIRECTORY",
        help="where runs are recorded (the .chaos directory here or in the nearest directory upwards)",
    )


def add_run(parser: argparse.ArgumentParser, *, optional: bool) -> None:
    """The positional RUN."""
    if optional:
        parser.add_argument("run", metavar="RUN", nargs="?", default="latest", help=f"{RUN} (latest)")
    else:
        parser.add_argument("run", metavar="RUN", help=RUN)


def state_of(options: argparse.Namespace) -> Path:
    """The state directory asked for, absolute. Raises ConfigurationError when it is not there."""
    state: Path = (options.state or find_state(Path.cwd())).absolute()
    if not state.is_dir():
        where = f"--state {options.state}" if options.state else "no .chaos directory here or further up"
        raise ConfigurationError(f"{where}: no run has been recorded; `pytest -m chaos` records one")
    return state


def colours() -> bool:
    """Whether standard output is a terminal that wants colours (NO_COLOR is honoured)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def encodable(text: str) -> str:
    """What the stream cannot carry becomes escapes: a report must not end in an encoding error."""
    encoding = sys.stdout.encoding or "ascii"
    return text.encode(encoding, "backslashreplace").decode(encoding)
