"""The broadcast: one status update to everybody on `/feed`, every interval."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from reference_server.registry import Registry
from reference_server.statistics import Counters

logger = logging.getLogger(__name__)
ENDPOINT = "feed"


class Feed:
    """Encodes once, offers to everybody, waits for nobody.

    A client whose outbox is full has fallen `WEBSOCKET_OUTBOX_MESSAGES` updates behind (with its socket's buffers full
    on top): it is cut. It can come back and start afresh; the alternative is to keep its backlog for it, without end.
    A client that has stopped reading altogether is found earlier, by the heartbeat.
    """

    def __init__(
        self,
        *,
        registry: Registry,
        counters: Counters,
        status: Callable[[], dict[str, object]],
        payload_bytes: int = 0,
    ) -> None:
        self.sequence = 0
        self._registry = registry
        self._counters = counters
        self._status = status
        self._filler = "x" * payload_bytes

    def broadcast(self) -> None:
        """Send the next update; called every broadcast interval."""
        self.sequence += 1
        self._counters.broadcasts += 1
        update = self.update()
        for connection in self._registry.of(ENDPOINT):
            if not connection.ended and not connection.outbox.offer(update):
                self._counters.slow_consumers_cut += 1
                connection.cut("slow consumer")

    def present(self) -> str:
        """The status now, with the number of the last broadcast: for whoever polls."""
        return self.update()

    def update(self) -> str:
        """The update as it goes out."""
        data = self._status()
        if self._filler:
            data["filler"] = self._filler
        return json.dumps(
            {
                "type": "status_update",
                "sequence": self.sequence,
                "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "data": data,
            }
        )
