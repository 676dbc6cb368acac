"""How many examples Hypothesis tries: HYPOTHESIS_PROFILE=thorough for the night, else a few seconds a test.

A failure prints the blob that replays it (`@reproduce_failure`), so a red is never lost. Derandomized is only what
looks for planted mistakes: whether one is found must not depend on the day. No deadline, and no complaint about what is
drawn slowly: a busy machine makes an example slow, not wrong.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, settings

__all__ = ["bound_examples", "examples"]

BY_DEFAULT = 100

for name, count in (("default", BY_DEFAULT), ("thorough", 3000)):
    settings.register_profile(
        name, deadline=None, print_blob=True, max_examples=count, suppress_health_check=[HealthCheck.too_slow]
    )
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "default")


def examples(times: float, *, thorough: int | None = None) -> int:
    """So many times the profile's count, ten at least: more of what takes a moment, fewer of what takes a while.

    `thorough` is the count for the night of what runs against a process or through sockets, by what it takes: two to
    ten minutes.
    """
    count = settings().max_examples
    if thorough is not None and count > BY_DEFAULT:
        return thorough
    return max(10, round(count * times))


def bound_examples(items: Iterable[pytest.Item]) -> None:
    """Let what draws more examples than by default hang for as many times as long, where nothing else is said."""
    times = settings().max_examples / BY_DEFAULT
    for item in items:
        drawing = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
        if times > 1 and drawing and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(times * float(item.config.getini("timeout"))))
