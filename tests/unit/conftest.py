"""Every test here draws as many examples as the profile says."""

from __future__ import annotations

import tests.examples  # noqa: F401  # it loads the profile
