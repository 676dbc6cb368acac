"""The command that does one cell again: same test, target, runtime and seed."""

from __future__ import annotations

import itertools
import os
import shlex
import shutil
import sys
from collections.abc import Iterable

from chaos.report.runs import Run

__all__ = ["replay_arguments", "replay_command"]


def replay_arguments(run: Run, cells: Iterable[str]) -> list[str]:
    """Arguments for pytest, to be run in the directory that holds the state directory, for cells by their names.

    Raises ConfigurationError for a cell that is not there, or did not say which test it was.
    """
    header = run.header
    arguments = list(itertools.chain.from_iterable(map(run.selection, cells)))
    if header.target_file:
        arguments.append(f"--chaos-target={header.target_file}")
    return [
        *arguments,
        f"--chaos-runtime={header.runtime}",
        f"--chaos-seed={header.seed}",
        f"--chaos-replay-of={run.id}",
        *header.options,
    ]


def replay_command(run: Run, slug: str) -> str:
    """What a person types to see one cell again."""
    return f"{interpreter()} -m chaos replay {run.id} {shlex.quote(slug)}"


def interpreter() -> str:
    """How this Python is called from here: by its name where that is the one found first, else by its path."""
    found = shutil.which("python")
    if found is not None and os.path.abspath(found) == os.path.abspath(sys.executable):
        return "python"
    relative = os.path.relpath(sys.executable)
    return shlex.quote(sys.executable if relative.startswith("..") else relative)
