"""How many examples Hypothesis tries: HYPOTHESIS_PROFILE=thorough for the night, else a few seconds a test.

Nothing here is derandomized: a failure prints the blob that replays it (`@reproduce_failure`), so a red is never lost.
No deadline, and no complaint about what is drawn slowly: a busy machine makes an example slow, not wrong.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

for name, examples in (("default", 100), ("thorough", 3000)):
    settings.register_profile(
        name, deadline=None, print_blob=True, max_examples=examples, suppress_health_check=[HealthCheck.too_slow]
    )
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "default")
