"""Leaves out the heartbeat while its loop is late, so as not to make it later still.

Breaks pressure: on a busy machine a beat is left out now and then, and nobody notices. Where CPU is short for good the
loop is always late, and nobody is pinged at all.
"""

from __future__ import annotations

from reference_server.parts import Parts

from defects._lateness import Lateness

DESCRIPTION = "while it is short of CPU nobody is pinged"


def install(parts: Parts) -> None:
    """Look before each beat."""
    lateness, beat_as_before = Lateness(parts), parts.heartbeat.beat

    def beat() -> None:
        if not lateness.is_late():
            beat_as_before()

    parts.heartbeat.beat = beat  # type: ignore[method-assign]  # a defect replaces a method
