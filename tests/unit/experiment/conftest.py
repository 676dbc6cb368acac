"""Experiments whose conductor and server are scripted."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from chaos.journal import JournalWriter
from tests.unit.experiment.scripted import Make, Scripted, scripted


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes the experiment of one test."""
    with JournalWriter(tmp_path, role="pytest", run="run", cell="cell") as journal:
        yield partial(scripted, journal)


@pytest.fixture
def made(make: Make) -> Scripted:
    """An experiment with nothing out of the ordinary."""
    return make()
