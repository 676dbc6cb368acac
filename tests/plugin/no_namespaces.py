"""Stands in for a machine that allows no namespaces: servers run on its plain loopback, where ports can be taken."""

from __future__ import annotations

import pytest

from chaos.runtime import ground


def pytest_configure(config: pytest.Config) -> None:
    ground._probe = lambda: ground.PLAIN  # type: ignore[assignment]  # the cache around it is not wanted here
