"""How many examples Hypothesis tries: HYPOTHESIS_PROFILE=thorough for the night, else a few seconds a test.

Nothing here is derandomized: a failure prints the blob that replays it (`@reproduce_failure`), so a red is never lost.
No deadline: a busy machine makes an example slow, not wrong.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("default", deadline=None, print_blob=True, max_examples=100)
settings.register_profile("thorough", deadline=None, print_blob=True, max_examples=3000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "default")
