"""Turns newcomers away while its loop is late, and for five seconds from the last moment in which it was.

Breaks pressure: to shed load is right, and so is not to flap. But who is held off for longer than it takes to recover
is turned away by a server that has nothing to do.
"""

from __future__ import annotations

import time

from reference_server.parts import Parts

from defects._lateness import Lateness

DESCRIPTION = "five seconds after it was short of CPU it still turns newcomers away"

COOL_DOWN = 5.0
"""Seconds; longer than `fast` promises to recover within."""


def install(parts: Parts) -> None:
    """Look whenever somebody comes."""
    lateness, enter = Lateness(parts, too_many=2), parts.admission.try_enter
    calm_from = 0.0

    def try_enter() -> str | None:
        nonlocal calm_from
        now = time.monotonic()
        if lateness.is_late():
            calm_from = now + COOL_DOWN
        return "limit" if now < calm_from else enter()

    parts.admission.try_enter = try_enter  # type: ignore[method-assign]  # a defect replaces a method
