"""A record on the disk of how the server fares: its statistics, written anew now and then.

A disk gets full, and then every write fails. What is not recorded is lost, and that is all that is lost: the failure is
counted and shown as an alert, nobody waits for it, and the next time it is tried as if nothing had been.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path

from reference_server.statistics import Counters

logger = logging.getLogger(__name__)


class Record:
    """The file `statistics.json` in a directory; an empty directory: nothing is recorded."""

    def __init__(self, directory: str, *, counters: Counters) -> None:
        self.failing = False
        """Whether it could not be written the last time."""
        self.file = Path(directory) / "statistics.json" if directory else None
        self._counters = counters

    def write(self, figures: Mapping[str, object]) -> None:
        """Write it anew, or count that it could not be. Never raises for the disk."""
        if self.file is None:
            return
        try:
            self.save(self.file, json.dumps(figures))
        except OSError as error:
            self._counters.record_failures += 1
            if not self.failing:
                logger.error("the record cannot be written: %s", error.strerror)  # once, not every time
            self.failing = True
        else:
            self.failing = False

    def save(self, file: Path, text: str) -> None:
        """All of it or nothing: what was written before stays until the new one is there. Raises OSError."""
        new = file.with_suffix(".new")
        try:
            new.write_text(text, encoding="utf-8")
            new.replace(file)
        except OSError:
            new.unlink(missing_ok=True)
            raise
