"""Stands in for pytest-xdist, which is not among the packages of this project: it sets the option that `-n 2` sets."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.option.numprocesses = 2
