"""Compares the time of day at which a connection began with the time of day when it is due.

Breaks the maximum age on the day that the clock is set back: nobody is old enough until the clock is where it was.
"""

from __future__ import annotations

from reference_server import closes
from reference_server.connection import Connection
from reference_server.parts import Parts
from reference_server.timers import Timers

from defects._wall_clock import WallClock

DESCRIPTION = "no connection reaches its maximum age once the server's wall clock was set back"


def install(parts: Parts) -> None:
    """The timer of the age asks another clock than everything else."""
    start_as_before = Timers.__init__
    limit, clock = parts.settings.websocket_max_age, WallClock(tick_interval=parts.clock.tick_interval)

    def start(self: Timers, connection: Connection, parts: Parts, *, idles: bool) -> None:
        start_as_before(self, connection, parts, idles=idles)
        if limit:
            self._running.pop().cancel()
            self._running.append(clock.call_after(limit, lambda: connection.close(closes.AGE)))

    Timers.__init__ = start  # type: ignore[method-assign]  # a defect replaces a method
