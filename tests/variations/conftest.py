"""Makes the reference server's package importable: its own reader of settings says which are valid."""

from __future__ import annotations

import sys

from tests.running import ROOT

sys.path.insert(0, str(ROOT / "targets" / "reference"))
