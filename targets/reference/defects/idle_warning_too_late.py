"""Warns an idle client in the same breath in which it closes it.

Breaks the idle warning: the client is told, and closed with the right code when its time is up, but there is no time
left in which it could have said something.
"""

from __future__ import annotations

from reference_server import closes
from reference_server.idle import IdleTimer
from reference_server.parts import Parts

DESCRIPTION = "an idle client is warned only at the moment it is closed"


def install(parts: Parts) -> None:
    """Nothing happens before the time is up."""

    def _look(self: IdleTimer) -> None:
        remaining = self._quiet + self._warning - self._connection.idle_for()
        if remaining > 0.001:
            self._again(remaining)
            return
        self.warn()
        self._connection.close(closes.IDLE)

    IdleTimer._look = _look  # type: ignore[method-assign]  # a defect replaces a method
