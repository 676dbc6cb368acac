"""How much memory the process takes."""

from __future__ import annotations

import os
from pathlib import Path

_STATM = os.open("/proc/self/statm", os.O_RDONLY) if Path("/proc/self/statm").exists() else None
"""Kept open: with no file descriptor left, admission and alerts must still be able to look."""


def resident_bytes() -> int:
    """Resident set size in bytes; 0 where there is no /proc."""
    if _STATM is None:
        return 0
    return int(os.pread(_STATM, 128, 0).split()[1]) * os.sysconf("SC_PAGE_SIZE")
