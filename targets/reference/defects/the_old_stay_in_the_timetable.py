"""Keeps a timetable of who is due when, and takes out of it whoever leaves while the timer of the age still runs.

Breaks leak-free for everybody else: a timer that has fired runs no more, so whom it has closed stays in the timetable,
with its protocol, its parser and its queues. Tests end their clients long before they are that old.
"""

from __future__ import annotations

from reference_server.clock import AttentiveTimer
from reference_server.connection import Connection
from reference_server.parts import Parts
from reference_server.timers import Timers

DESCRIPTION = "the memory of each connection that reaches its maximum age is never given back"


def install(parts: Parts) -> None:
    """Look for a timer that runs in order to know who has to be taken out."""
    due: dict[Timers, Connection] = {}
    start_as_before, cancel_as_before = Timers.__init__, Timers.cancel

    def start(self: Timers, connection: Connection, parts: Parts, *, idles: bool) -> None:
        start_as_before(self, connection, parts, idles=idles)
        if parts.settings.websocket_max_age:
            due[self] = connection

    def cancel(self: Timers) -> None:
        for timer in self._running:
            if isinstance(timer, AttentiveTimer) and timer._handle is not None:
                del due[self]
        cancel_as_before(self)

    Timers.__init__ = start  # type: ignore[method-assign]  # a defect replaces a method
    Timers.cancel = cancel  # type: ignore[method-assign]
