"""Has the sweep close whom the timers of the age may have forgotten: who came too long ago, by the time of day.

Breaks the maximum age on the day that the clock is put forward: everybody came a day ago, and is closed at the next
sweep, young as they are. Put back it is only of no use, for the timers do their work.
"""

from __future__ import annotations

import time

from reference_server import closes
from reference_server.connection import Connection
from reference_server.parts import Parts
from reference_server.timers import Timers

DESCRIPTION = "everybody is closed for their age at once when the server's wall clock is put forward"


def install(parts: Parts) -> None:
    """time.time() where a clock that is never set is due."""
    came: dict[Timers, tuple[Connection, float]] = {}
    limit = parts.settings.websocket_max_age
    start_as_before, cancel_as_before, run_as_before = Timers.__init__, Timers.cancel, parts.sweep.run

    def start(self: Timers, connection: Connection, parts: Parts, *, idles: bool) -> None:
        came[self] = connection, time.time()
        start_as_before(self, connection, parts, idles=idles)

    def cancel(self: Timers) -> None:
        came.pop(self, None)
        cancel_as_before(self)

    def run() -> None:
        run_as_before()
        for connection, at in list(came.values()):
            # The timer's own time, and as much again: what it has done is not done twice.
            if limit and time.time() - at > 2 * limit:
                connection.close(closes.AGE)

    Timers.__init__ = start  # type: ignore[method-assign]  # a defect replaces a method
    Timers.cancel = cancel  # type: ignore[method-assign]
    parts.sweep.run = run  # type: ignore[method-assign]
