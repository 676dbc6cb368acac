"""What ends a connection by time: idleness and age."""

from __future__ import annotations

from reference_server import closes
from reference_server.clock import AttentiveTimer
from reference_server.connection import Connection
from reference_server.idle import IdleTimer
from reference_server.parts import Parts


class Timers:
    """The timers of one connection: idle time (not for mere listeners) and age."""

    def __init__(self, connection: Connection, parts: Parts, *, idles: bool) -> None:
        settings = parts.settings
        self._running: list[IdleTimer | AttentiveTimer] = []
        if idles and settings.websocket_idle_timeout_seconds:
            idle = IdleTimer(
                connection,
                clock=parts.clock,
                timeout=settings.websocket_idle_timeout_seconds,
                warning=settings.websocket_idle_warning_seconds,
            )
            idle.code = settings.websocket_idle_code
            self._running.append(idle)
        if settings.websocket_max_age:
            close = closes.coded(closes.AGE, settings.websocket_age_code)
            self._running.append(parts.clock.call_after(settings.websocket_max_age, lambda: connection.close(close)))

    def cancel(self) -> None:
        """The connection is gone."""
        for timer in self._running:
            timer.cancel()
