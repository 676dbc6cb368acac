"""Remembers by the time of day when a client was last heard.

Breaks the idle timeout on the day that the clock is set back: nobody is idle until it is where it was. On every other
day it is right; put forward, it warns those who are talking.
"""

from __future__ import annotations

import time

from reference_server.connection import Connection
from reference_server.parts import Parts

DESCRIPTION = "idle clients are never closed once the server's wall clock was set back"


def install(parts: Parts) -> None:
    """time.time() in both places, where a clock that is never set is due."""

    def heard(self: Connection) -> None:
        self.heard_at = time.time()
        self.counters.messages_received += 1

    def idle_for(self: Connection) -> float:
        return time.time() - self.heard_at

    def begin(self: Connection) -> None:
        self.heard_at = time.time()

    Connection.heard = heard  # type: ignore[method-assign]  # a defect replaces a method
    Connection.idle_for = idle_for  # type: ignore[method-assign]
    Connection.__post_init__ = begin  # type: ignore[method-assign]
