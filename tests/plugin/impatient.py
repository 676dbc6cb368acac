"""Waits one second for a helper of the suite where it otherwise waits twenty: for tests in which none ever serves."""

from __future__ import annotations

import pytest

from chaos.runtime import helpers


def pytest_configure(config: pytest.Config) -> None:
    helpers.HELPER_WITHIN = 1.0
