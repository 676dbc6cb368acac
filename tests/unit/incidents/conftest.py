"""Makes the servers' packages importable."""

from __future__ import annotations

import sys
from pathlib import Path

INCIDENTS = Path(__file__).resolve().parents[3] / "targets" / "incidents"
sys.path.insert(0, str(INCIDENTS / "hub" / "server"))
