"""How many examples Hypothesis tries: HYPOTHESIS_PROFILE=thorough for the night, else a few seconds a test.

A failure prints the blob that replays it (`@reproduce_failure`), so a red is never lost. Derandomized is only what
looks for planted mistakes: whether one is found must not depend on the day. No deadline, and no complaint about what is
drawn slowly: a busy machine makes an example slow, not wrong.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

__all__ = ["examples"]

for name, count in (("default", 100), ("thorough", 3000)):
    settings.register_profile(
        name, deadline=None, print_blob=True, max_examples=count, suppress_health_check=[HealthCheck.too_slow]
    )
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "default")


def examples(times: float) -> int:
    """So many times the profile's count, ten at least: more of what takes a moment, fewer of what takes a while."""
    return max(10, round(settings().max_examples * times))
