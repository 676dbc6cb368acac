"""Every test here draws as many examples as the profile says, and has the time for them."""

from __future__ import annotations

import pytest

from tests.examples import bound_examples  # loads the profile


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    bound_examples(items)
