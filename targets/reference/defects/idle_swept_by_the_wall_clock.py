"""Has the sweep close whom the idle timers may have forgotten: who was last heard too long ago, by the time of day.

Breaks the idle timeout on the day that the clock is put forward: everybody was last heard a day ago, and is closed at
the next sweep, without a warning. Put back it is only of no use, for the timers do their work. An idle timeout by the
time of day closed the connections of libnetconf2 so (its issue 43).
"""

from __future__ import annotations

import time

from reference_server import closes
from reference_server.clock import AttentiveClock
from reference_server.connection import Connection
from reference_server.idle import IdleTimer
from reference_server.parts import Parts

DESCRIPTION = "everybody who may idle is closed at once when the server's wall clock is put forward"


def install(parts: Parts) -> None:
    """time.time() where a clock that is never set is due."""
    heard_at: dict[Connection, float] = {}
    longest = parts.settings.websocket_idle_timeout_seconds
    start_as_before, cancel_as_before = IdleTimer.__init__, IdleTimer.cancel
    heard_as_before, run_as_before = Connection.heard, parts.sweep.run

    def start(
        self: IdleTimer, connection: Connection, *, clock: AttentiveClock, timeout: float, warning: float
    ) -> None:
        heard_at[connection] = time.time()
        start_as_before(self, connection, clock=clock, timeout=timeout, warning=warning)

    def cancel(self: IdleTimer) -> None:
        heard_at.pop(self._connection, None)
        cancel_as_before(self)

    def heard(self: Connection) -> None:
        heard_as_before(self)
        if self in heard_at:
            heard_at[self] = time.time()

    def run() -> None:
        run_as_before()
        for connection, at in list(heard_at.items()):
            # The timer's own time, and as much again: what it has done is not done twice.
            if time.time() - at > 2 * longest:
                connection.close(closes.IDLE)

    IdleTimer.__init__ = start  # type: ignore[method-assign]  # a defect replaces a method
    IdleTimer.cancel = cancel  # type: ignore[method-assign]
    Connection.heard = heard  # type: ignore[method-assign]
    parts.sweep.run = run  # type: ignore[method-assign]
