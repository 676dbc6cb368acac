"""Takes an accept that lacked file descriptors for the end of its listener, as a loop does that breaks at any error.

Breaks pressure: those inside are served on and nothing is logged beyond the shortage itself, while the kernel goes on
queueing newcomers that nobody will ever take, long after the descriptors are back.
"""

from __future__ import annotations

import asyncio
from typing import Any

from reference_server.listener import ExhaustionHandler
from reference_server.parts import Parts

DESCRIPTION = "once it was out of file descriptors, it never accepts a connection again"


def install(parts: Parts) -> None:
    """asyncio's own second attempt, a second later, does nothing."""
    handle_as_before = ExhaustionHandler.__call__

    def handle(self: ExhaustionHandler, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        handle_as_before(self, loop, context)
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in self.SHORTAGES and "socket" in context:
            loop._start_serving = _stay_away  # type: ignore[attr-defined]  # asyncio's own, called once it waited

    ExhaustionHandler.__call__ = handle  # type: ignore[method-assign]  # a defect replaces a method


def _stay_away(*_: object) -> None:
    """The listener is never looked at again."""
