"""Running a subcommand in a project directory, in this process or in one of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from chaos.cli import main

ROOT = Path(__file__).parents[3]
WITHIN = 60.0
"""Seconds for a subcommand in a process of its own, which takes one."""


@dataclass(frozen=True, slots=True)
class Result:
    code: int
    out: str
    err: str


Invoke = Callable[..., Result]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to stand in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return tmp_path


@pytest.fixture
def chaos(project: Path, capsys: pytest.CaptureFixture[str]) -> Invoke:
    """`python -m chaos ARGUMENTS` in this process; `--help` and usage errors end by SystemExit there too."""

    def invoke(*arguments: str) -> Result:
        try:
            code = main(arguments)
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return invoke


def in_a_process(*arguments: str, cwd: Path) -> Result:
    """`python -m chaos ARGUMENTS` for real."""
    done = subprocess.run(
        [sys.executable, "-m", "chaos", *arguments],
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)
