"""The interpreter of a printed command: what is printed can be pasted."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import pytest

from chaos.report import replay


@pytest.fixture(autouse=True)
def _python_is_python() -> None:
    """The real one is what is tested here."""
    importlib.reload(replay)


def test_it_is_python_where_that_is_found_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "python").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert replay.interpreter() == "python"


def test_it_is_the_path_from_here_where_another_python_is_found_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv" / "bin" / "python"))
    assert replay.interpreter() == ".venv/bin/python"


def test_it_is_the_whole_path_from_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    assert replay.interpreter() == str(tmp_path / "bin" / "python")
