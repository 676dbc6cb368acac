"""`python -m chaos runtimes`, and `make test` where a runtime is required that cannot be had."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from chaos.cli import runtimes

from .conftest import ROOT, WITHIN, Invoke


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a container engine."""
    monkeypatch.setattr(runtimes, "usable_runtimes", lambda: {"processes": None, "containers": "no engine answers"})


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ((), 0, ""),
        (("--reasons",), 0, "containers: no engine answers\n"),
        (("--require=processes",), 0, ""),
        (
            ("--reasons", "--require=processes", "--require=containers"),
            1,
            "error: containers is required, and this machine cannot hold it: no engine answers\n",
        ),
    ],
)
def test_what_is_not_there(chaos: Invoke, arguments: tuple[str, ...], code: int, says: str) -> None:
    result = chaos("runtimes", *arguments)
    assert (result.code, result.out, result.err) == (code, "processes\n", says)


def test_both(chaos: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "usable_runtimes", lambda: {"processes": None, "containers": None})
    result = chaos("runtimes", "--require=containers", "--require=processes")
    assert (result.code, result.out, result.err) == (0, "processes\ncontainers\n", "")


def test_a_runtime_of_another_name(chaos: Invoke) -> None:
    result = chaos("runtimes", "--require=container")
    assert result.code == 2
    assert "argument --require: invalid choice: 'container'" in result.err


@pytest.mark.parametrize(("required", "code", "tested"), [("processes containers", 2, False), ("", 0, True)])
def test_make_tests_nothing_where_what_is_required_is_missing(
    tmp_path: Path, required: str, code: int, tested: bool
) -> None:
    """With a stand-in for the virtual environment's Python: it holds processes only, and notes what it is asked."""
    (tmp_path / "bin").mkdir()
    (tmp_path / ".ready").touch()
    python = tmp_path / "bin" / "python"
    python.write_text(
        f"""#!/bin/sh
echo "$@" >> {tmp_path}/asked
case "$*" in
  *runtimes*containers*) echo processes; exit 1 ;;
  *runtimes*) echo processes ;;
esac
"""
    )
    python.chmod(0o755)
    os.utime(tmp_path / ".ready", (2**32, 2**32))  # newer than what it is made of: nothing is to be set up
    done = subprocess.run(
        ["make", "test", f"REQUIRE={required}", f"VENV={tmp_path}", f"ENGINE_HOME={tmp_path}"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )
    assert done.returncode == code, done.stderr
    asked = (tmp_path / "asked").read_text().splitlines()
    assert any(line.startswith("-m pytest") for line in asked) is tested
    assert any("--chaos-runtime=processes" in line for line in asked) is tested


def test_ci_requires_both_runtimes() -> None:
    assert 'make --no-print-directory test REQUIRE="processes containers"' in (ROOT / ".ci" / "run").read_text()
