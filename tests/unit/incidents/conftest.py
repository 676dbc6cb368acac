"""Makes the servers' packages importable."""

from __future__ import annotations

import sys
from pathlib import Path

INCIDENTS = Path(__file__).resolve().parents[3] / "targets" / "incidents"
sys.path[:0] = [str(path) for path in INCIDENTS.glob("*/server")]
