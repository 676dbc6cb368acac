"""Logs a traceback for each connection that it could not accept, as asyncio does for each place in its queue.

Breaks pressure: it tries once a second and no more, those inside are served, and a log grows by a gigabyte in a quarter
of an hour. CPython tried all places of its listener's queue in one turn, with no file for any of them: 1.6 MB a second
where uvicorn asks for 2048 (Python 3.11).
"""

from __future__ import annotations

import asyncio
from typing import Any

from reference_server.listener import ExhaustionHandler
from reference_server.parts import Parts

DESCRIPTION = "while it has no file it logs a traceback for each place in its queue, once a second"

PLACES = 2048 // 64
"""Places for each that the reference's own listener tries in one turn."""


def install(parts: Parts) -> None:
    """The loop's own handler."""

    def log_it(self: ExhaustionHandler, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        for _ in range(PLACES):
            loop.default_exception_handler(context)

    ExhaustionHandler.__call__ = log_it  # type: ignore[method-assign]  # a defect replaces a method
