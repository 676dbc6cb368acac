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
