"""Gives places back all together, ten seconds after the first of those who left.

Breaks recovery: nobody notices while there are places to spare. When most of a full house is cut off and comes back at
once, it finds its own places taken, and is turned away until the timer has run out.
"""

from __future__ import annotations

import asyncio

from reference_server.parts import Parts

DESCRIPTION = "places are given back by a timer: who comes back at once finds the house full of those who left"

LATER = 10.0
"""Seconds; as a job that runs now and then, and longer than anybody goes on trying with `fast`."""


def install(parts: Parts) -> None:
    """Count those who leave, and let them go together."""
    leave_now = parts.gate.leave
    left = 0

    def let_go() -> None:
        nonlocal left
        for _ in range(left):
            leave_now()
        left = 0

    def leave() -> None:
        nonlocal left
        left += 1
        if left == 1:
            asyncio.get_running_loop().call_later(LATER, let_go)

    parts.gate.leave = leave  # type: ignore[method-assign]  # a defect replaces a method
