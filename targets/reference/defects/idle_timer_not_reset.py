"""Starts the final timer together with the warning, and does not look again when it fires.

Breaks the counterpart of the idle timeout: a client that takes the warning seriously and answers is closed all the
same. A client that is never quiet for so long as to be warned notices nothing.
"""

from __future__ import annotations

from reference_server import closes
from reference_server.idle import IdleTimer
from reference_server.parts import Parts

DESCRIPTION = "a client that was warned of its idleness is closed though it answers the warning"


def install(parts: Parts) -> None:
    """After the warning nothing but the close can come."""

    def _look(self: IdleTimer) -> None:
        remaining = self._quiet - self._connection.idle_for()
        if remaining > 0.001:
            self._again(remaining)
            return
        self.warn()
        self._timer = self._clock.call_after(self._warning, lambda: self._connection.close(closes.IDLE))

    IdleTimer._look = _look  # type: ignore[method-assign]  # a defect replaces a method
