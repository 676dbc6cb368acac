"""Waiting for what the loop has yet to do."""

from __future__ import annotations

import asyncio

__all__ = ["AGAIN", "some_turns"]

AGAIN = 0.2
"""Seconds after which what was put off for a twentieth has come, however late the loop is: timers keep their order."""


async def some_turns() -> None:
    """Five turns of the loop: what is ready to go on has gone on."""
    for _ in range(5):
        await asyncio.sleep(0)
