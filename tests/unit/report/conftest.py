"""A sample run, made once: its tests only read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.report import Run

from .samples import make_run


@pytest.fixture(scope="package")
def sample_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_run(tmp_path_factory.mktemp("sample") / ".chaos")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / ".chaos"


@pytest.fixture(autouse=True)
def _python_is_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are printed with the interpreter as it is called from here; what that is must not matter."""
    monkeypatch.setattr("chaos.report.replay.interpreter", lambda: "python")
