"""Puts off its clean-up until there is time for it.

Breaks pressure: there is always time where a machine has CPU to spare. Where it is short for good the dead are never
removed, and what they hold is what is short next.
"""

from __future__ import annotations

from reference_server.parts import Parts

from defects._lateness import Lateness

DESCRIPTION = "while it is short of CPU no dead peer is removed"


def install(parts: Parts) -> None:
    """Look before each sweep."""
    lateness, run_as_before = Lateness(parts), parts.sweep.run

    def run() -> None:
        if not lateness.is_late():
            run_as_before()

    parts.sweep.run = run  # type: ignore[method-assign]  # a defect replaces a method
