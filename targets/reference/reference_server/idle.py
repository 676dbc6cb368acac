"""Close clients that say nothing, and warn them first."""

from __future__ import annotations

from reference_server import closes
from reference_server.clock import AttentiveClock, AttentiveTimer
from reference_server.connection import Connection


class IdleTimer:
    """One connection's idle timer, exact to the clock and re-armed only when it fires: a message costs nothing.

    A client that has been warned always has the full `warning` seconds left to say something.
    """

    code = closes.IDLE.code
    """That the client is closed with."""

    def __init__(self, connection: Connection, *, clock: AttentiveClock, timeout: float, warning: float) -> None:
        self._connection = connection
        self._clock = clock
        self._quiet = timeout - warning
        self._warning = warning
        self._warned_at: float | None = None
        """When it was warned, on the clock; None where it has said something since."""
        self._timer: AttentiveTimer = clock.call_after(self._quiet, self._look)

    def cancel(self) -> None:
        """The connection is gone."""
        self._timer.cancel()

    def _look(self) -> None:
        now, idle = self._clock.now(), self._connection.idle_for()
        # Whoever has answered is warned anew, also where it has been quiet since for as long as calls for a warning.
        if self._warned_at is not None and idle < now - self._warned_at:
            self._warned_at = None
        remaining = self._quiet - idle if self._warned_at is None else self._warned_at + self._warning - now
        # Below a millisecond it is time: timers are no more exact than that.
        if remaining > 0.001:
            self._again(remaining)
        elif self._warned_at is None:
            self._warned_at = now
            self.warn()
            self._again(self._warning)
        else:
            self.close()

    def close(self) -> None:
        """Nothing came: say goodbye."""
        self._connection.close(closes.coded(closes.IDLE, self.code))

    def warn(self) -> None:
        """Tell the client how long it has."""
        message = {"type": "idle_warning", "closes_in": self._warning}
        self._connection.counters.idle_warned += self._connection.warn(message)

    def _again(self, delay: float) -> None:
        """Look again after so long, or earlier: an answer may have come by then, and silence for long enough since."""
        self._timer = self._clock.call_after(min(delay, self._quiet), self._look)
