"""Clients are told while the places run short; who does not heed it is stopped by the limit."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from exhaustion.connection import Connection
from exhaustion.errands import Errands
from exhaustion.settings import Settings

logger = logging.getLogger(__name__)


class Backpressure:
    """Whether the threshold is reached: everybody is told when it is, and whoever comes while it is."""

    def __init__(
        self,
        settings: Settings,
        errands: Errands,
        *,
        inside: Callable[[], int],
        connections: Iterable[Connection],
    ) -> None:
        self.crowded = False
        self._limit = settings.websocket_max_connections
        # A millionth off, so that 0.85 of 100 is 85 also where the product is a hair above it.
        self._threshold = round(self._limit * settings.websocket_backpressure_threshold, 6)
        self._errands = errands
        self._inside = inside
        self._connections = connections

    def came(self, connection: Connection) -> None:
        """One more is inside."""
        if self.crowded:
            self._warn(connection)
        self.update()

    def update(self) -> None:
        """Look whether the threshold is reached now."""
        crowded = self._inside() >= self._threshold
        if crowded and not self.crowded:
            for connection in self._connections:
                self._warn(connection)
        self.crowded = crowded

    def _warn(self, connection: Connection) -> None:
        inside = self._inside()
        logger.info("connection=%d warned: %d of %d places are taken", connection.number, inside, self._limit)
        self._errands.start(
            connection.tell({"type": "backpressure_warning", "connections": inside, "limit": self._limit})
        )
