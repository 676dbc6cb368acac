"""Takes ten clients that do not acknowledge for a network that is full, and turns newcomers away for a while.

Breaks recovery: a cell of a network that was gone for a moment is back, those who were in it go on, and nobody else is
let in. Load is shed by what is still to be sent in good servers too; what is wrong is to count connections, not bytes,
and to go on for seconds after the last of it is gone.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from reference_server.connection import Connection
from reference_server.parts import Parts

DESCRIPTION = "after ten clients were out of reach for a moment newcomers are turned away for three seconds"

MOST = 10

COOL_DOWN = 3.0
"""Seconds; longer than `fast` promises to recover within."""


def install(parts: Parts) -> None:
    """Look at each tick who has taken nothing of what was on its way since the last one."""
    tick_as_before, enter = parts.clock.tick, parts.admission.try_enter
    delivered: Mapping[Connection, int] = {}
    calm_from = 0.0

    def tick() -> None:
        nonlocal delivered, calm_from
        tick_as_before()
        seen = {each: each.wire.evidence() for each in parts.registry.all()}
        waiting = {each: evidence.delivered for each, evidence in seen.items() if evidence.outstanding}
        if sum(delivered.get(each) == so_far for each, so_far in waiting.items()) >= MOST:
            calm_from = time.monotonic() + COOL_DOWN
        delivered = waiting

    def try_enter() -> str | None:
        return "limit" if time.monotonic() < calm_from else enter()

    parts.clock.tick = tick  # type: ignore[method-assign]  # a defect replaces a method
    parts.admission.try_enter = try_enter  # type: ignore[method-assign]  # a defect replaces a method
