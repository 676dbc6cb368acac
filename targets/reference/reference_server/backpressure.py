"""Tell clients that the server is getting full, before it has to turn anybody away."""

from __future__ import annotations

import math
from collections.abc import Callable

from reference_server.connection import Connection
from reference_server.registry import Registry
from reference_server.statistics import Counters

HYSTERESIS = 0.05
"""Share of the limit by which the number must fall before the next crossing warns again: one client that comes and goes
at the threshold must not set off a warning to everybody each time."""


class Backpressure:
    """Warns everybody once when the threshold is reached, and newcomers while it lasts."""

    def __init__(
        self, *, limit: int, threshold: float, inside: Callable[[], int], registry: Registry, counters: Counters
    ) -> None:
        self.limit = limit
        # 0.07 * 100 is 7.000000000000001, and must not become 8.
        self.warn_from = math.ceil(round(limit * threshold, 6))
        self.calm_below = self.warn_from - max(1, math.floor(limit * HYSTERESIS))
        self.active = False
        self._inside = inside
        self._registry = registry
        self._counters = counters

    def update(self) -> None:
        """Look at the number of clients; called whenever it changes."""
        inside = self._inside()
        if not self.active and inside >= self.warn_from:
            self.active = True
            for connection in self._registry.all():
                self._warn(connection)
        elif self.active and inside < self.calm_below:
            self.active = False

    def joined(self, connection: Connection) -> None:
        """A client has come in; if it is crowded, it is told."""
        if self.active:
            self._warn(connection)

    def _warn(self, connection: Connection) -> None:
        message = {"type": "backpressure_warning", "connections": self._inside(), "limit": self.limit}
        self._counters.backpressure_warned += connection.warn(message)
