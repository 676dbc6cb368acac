"""Writes its record again until it is written, and does nothing else meanwhile.

Breaks the heartbeat on a full disk: the loop that pings, answers and lets in waits for somebody to clear up. As a
handler of a log that blocks does, in a program with one thread.
"""

from __future__ import annotations

import time
from pathlib import Path

from reference_server.parts import Parts

DESCRIPTION = "nobody is pinged or answered while the disk is full"

PAUSE = 0.05
"""Seconds between two attempts."""


def install(parts: Parts) -> None:
    """The loop sleeps where it should go on."""
    save_as_before = parts.record.save

    def save(file: Path, text: str) -> None:
        while True:
            try:
                return save_as_before(file, text)
            except OSError:
                time.sleep(PAUSE)

    parts.record.save = save  # type: ignore[method-assign]  # a defect replaces a method
