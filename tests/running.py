"""Running pytest on scenarios in a process of its own, as a user would."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from chaos.runtime.selection import usable_runtimes

__all__ = ["ROOT", "RUNTIMES", "run_pytest", "run_scenarios"]

ROOT = Path(__file__).resolve().parents[1]

RUNTIMES = [
    pytest.param(name, marks=() if reason is None else pytest.mark.skip(reason=reason))
    for name, reason in usable_runtimes().items()
]
"""The runtimes that start servers; those this machine cannot hold are skipped with the reason."""


def run_pytest(
    arguments: Sequence[str],
    *,
    directory: Path,
    timeout: float = 150.0,
    env: dict[str, str] | None = None,
    cwd: Path = ROOT,
) -> subprocess.CompletedProcess[str]:
    """pytest, in the repository's root unless told otherwise, with its runs kept in `directory`."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--chaos-dir={directory}", *arguments],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def run_scenarios(
    nodes: Sequence[str], *, runtime: str, directory: Path, options: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Scenarios below tests/scenarios, in one runtime."""
    wanted = [f"tests/scenarios/{node}" for node in nodes]
    return run_pytest([*wanted, f"--chaos-runtime={runtime}", *options], directory=directory)
