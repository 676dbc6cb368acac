"""Keeps one timer for "connected for so long" and "quiet for so long", and starts it anew with every message.

Breaks the maximum age: a connection that talks never gets old, whatever its token or its deployment says by then. One
that says nothing would be closed in time, if the idle timeout were not first.
"""

from __future__ import annotations

from reference_server import closes
from reference_server.connection import Connection
from reference_server.parts import Parts
from reference_server.timers import Timers

DESCRIPTION = "the maximum age counts from the last message, so a connection that talks never reaches it"


def install(parts: Parts) -> None:
    """When the time is up, look how long the client has been quiet, as the idle timer does."""
    start_as_before = Timers.__init__
    limit = parts.settings.websocket_max_age

    def start(self: Timers, connection: Connection, parts: Parts, *, idles: bool) -> None:
        start_as_before(self, connection, parts, idles=idles)
        if limit:
            self._running.pop().cancel()
            self._running.append(parts.clock.call_after(limit, lambda: look(self, connection)))

    def look(timers: Timers, connection: Connection) -> None:
        remaining = limit - connection.idle_for()
        if remaining <= 0:
            connection.close(closes.AGE)
        else:
            timers._running[-1] = parts.clock.call_after(remaining, lambda: look(timers, connection))

    Timers.__init__ = start  # type: ignore[method-assign]  # a defect replaces a method
