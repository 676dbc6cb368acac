"""Reads the connection limit from the settings, shows it in the statistics, and compares with a constant.

Breaks the setting: whoever lowers the limit, for a smaller machine, has as many connections as before. With the limit
that every profile has, nobody notices.
"""

from __future__ import annotations

from reference_server.admission import FULL
from reference_server.parts import Parts

DESCRIPTION = "the connection limit is 100, whatever is set"

LIMIT = 100


def install(parts: Parts) -> None:
    """Compare with what the limit was when this was written."""
    admission = parts.admission

    def try_enter() -> str | None:
        if admission.inside >= LIMIT:
            return FULL
        admission.inside += 1
        return None

    admission.try_enter = try_enter  # type: ignore[method-assign]  # a defect replaces a method
