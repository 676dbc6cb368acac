"""Makes the reference server's package importable: its own reader of settings says which are valid."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.examples import bound_examples
from tests.running import ROOT, bound_runs

sys.path.insert(0, str(ROOT / "targets" / "reference"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    bound_examples(items)
    bound_runs(items, Path(__file__).parent)
