"""Arms the idle timer with constants, next to settings that are read, checked and printed.

Breaks the setting: with the values of the target file it is what it says, and with any other it is the same.
"""

from __future__ import annotations

from reference_server.clock import AttentiveClock
from reference_server.connection import Connection
from reference_server.idle import IdleTimer
from reference_server.parts import Parts

DESCRIPTION = "idle clients are closed after 2.5 s, whatever is set"

TIMEOUT = 2.5
WARNING = 0.8
"""Seconds, as target.toml sets them."""


def install(parts: Parts) -> None:
    """Whatever a timer is armed with."""
    arm = IdleTimer.__init__

    def armed(
        self: IdleTimer, connection: Connection, *, clock: AttentiveClock, timeout: float, warning: float
    ) -> None:
        arm(self, connection, clock=clock, timeout=TIMEOUT, warning=WARNING)

    IdleTimer.__init__ = armed  # type: ignore[method-assign]  # a defect replaces a method
