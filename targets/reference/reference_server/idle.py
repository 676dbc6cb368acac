"""Close clients that say nothing, and warn them first."""

from __future__ import annotations

from reference_server import closes
from reference_server.clock import AttentiveClock, AttentiveTimer
from reference_server.connection import Connection


class IdleTimer:
    """One connection's idle timer, exact to the clock and re-armed only when it fires: a message costs nothing.

    A client that has been warned always has the full `warning` seconds left to say something.
    """

    def __init__(self, connection: Connection, *, clock: AttentiveClock, timeout: float, warning: float) -> None:
        self._connection = connection
        self._clock = clock
        self._quiet = timeout - warning
        self._warning = warning
        self._warned = False
        self._timer: AttentiveTimer = clock.call_after(self._quiet, self._look)

    def cancel(self) -> None:
        """The connection is gone."""
        self._timer.cancel()

    def _look(self) -> None:
        remaining = self._quiet - self._connection.idle_for()
        # Below a millisecond it is time: timers are no more exact than that.
        if remaining > 0.001:
            self._warned = False
            self._again(remaining)
        elif not self._warned:
            self._warned = True
            self.warn()
            self._again(self._warning)
        else:
            self._connection.close(closes.IDLE)

    def warn(self) -> None:
        """Tell the client how long it has."""
        message = {"type": "idle_warning", "closes_in": self._warning}
        self._connection.counters.idle_warned += self._connection.warn(message)

    def _again(self, delay: float) -> None:
        self._timer = self._clock.call_after(delay, self._look)
